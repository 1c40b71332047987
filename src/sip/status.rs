//! Status codes and their phrases (RFC 3261 §21).

use rsip::StatusCode;

/// The phrase for a status, never empty. Which codes exist is `rsip`'s vocabulary; how they read is the
/// RFCs'. A code that neither knows gets its class's phrase.
pub fn reason(status: u16) -> &'static str {
    match StatusCode::from(status) {
        StatusCode::Trying => "Trying",
        StatusCode::Ringing => "Ringing",
        StatusCode::CallIsBeingForwarded => "Call Is Being Forwarded",
        StatusCode::Queued => "Queued",
        StatusCode::SessionProgress => "Session Progress",
        StatusCode::EarlyDialogTerminated => "Early Dialog Terminated",
        StatusCode::OK => "OK",
        StatusCode::Accepted => "Accepted",
        StatusCode::NoNotification => "No Notification",
        StatusCode::MultipleChoices => "Multiple Choices",
        StatusCode::MovedPermanently => "Moved Permanently",
        StatusCode::MovedTemporarily => "Moved Temporarily",
        StatusCode::UseProxy => "Use Proxy",
        StatusCode::AlternativeService => "Alternative Service",
        StatusCode::BadRequest => "Bad Request",
        StatusCode::Unauthorized => "Unauthorized",
        StatusCode::PaymentRequired => "Payment Required",
        StatusCode::Forbidden => "Forbidden",
        StatusCode::NotFound => "Not Found",
        StatusCode::MethodNotAllowed => "Method Not Allowed",
        StatusCode::NotAcceptable => "Not Acceptable",
        StatusCode::ProxyAuthenticationRequired => "Proxy Authentication Required",
        StatusCode::RequestTimeout => "Request Timeout",
        StatusCode::Conflict => "Conflict",
        StatusCode::Gone => "Gone",
        StatusCode::LengthRequired => "Length Required",
        StatusCode::ConditionalRequestFailed => "Conditional Request Failed",
        StatusCode::RequestEntityTooLarge => "Request Entity Too Large",
        StatusCode::RequestUriTooLong => "Request-URI Too Long",
        StatusCode::UnsupportedMediaType => "Unsupported Media Type",
        StatusCode::UnsupportedUriScheme => "Unsupported URI Scheme",
        StatusCode::UnknownResourcePriority => "Unknown Resource-Priority",
        StatusCode::BadExtension => "Bad Extension",
        StatusCode::ExtensionRequired => "Extension Required",
        StatusCode::SessionIntervalTooSmall => "Session Interval Too Small",
        StatusCode::IntervalTooBrief => "Interval Too Brief",
        StatusCode::BadLocationInformation => "Bad Location Information",
        StatusCode::UseIdentityHeader => "Use Identity Header",
        StatusCode::ProvideReferrerIdentity => "Provide Referrer Identity",
        StatusCode::AnonymityDisallowed => "Anonymity Disallowed",
        StatusCode::BadIdentityInfo => "Bad Identity Info",
        StatusCode::UnsupportedCertificate => "Unsupported Certificate",
        StatusCode::InvalidIdentityHeader => "Invalid Identity Header",
        StatusCode::FirstHopLacksOutboundSupport => "First Hop Lacks Outbound Support",
        StatusCode::MaxBreadthExceeded => "Max-Breadth Exceeded",
        StatusCode::BadInfoPackage => "Bad Info Package",
        StatusCode::ConsentNeeded => "Consent Needed",
        StatusCode::TemporarilyUnavailable => "Temporarily Unavailable",
        StatusCode::CallTransactionDoesNotExist => "Call/Transaction Does Not Exist",
        StatusCode::LoopDetected => "Loop Detected",
        StatusCode::TooManyHops => "Too Many Hops",
        StatusCode::AddressIncomplete => "Address Incomplete",
        StatusCode::Ambiguous => "Ambiguous",
        StatusCode::BusyHere => "Busy Here",
        StatusCode::RequestTerminated => "Request Terminated",
        StatusCode::NotAcceptableHere => "Not Acceptable Here",
        StatusCode::BadEvent => "Bad Event",
        StatusCode::RequestPending => "Request Pending",
        StatusCode::Undecipherable => "Undecipherable",
        StatusCode::SecurityAgreementRequired => "Security Agreement Required",
        StatusCode::ServerInternalError => "Server Internal Error",
        StatusCode::NotImplemented => "Not Implemented",
        StatusCode::BadGateway => "Bad Gateway",
        StatusCode::ServiceUnavailable => "Service Unavailable",
        StatusCode::ServerTimeOut => "Server Time-out",
        StatusCode::VersionNotSupported => "Version Not Supported",
        StatusCode::MessageTooLarge => "Message Too Large",
        StatusCode::PreconditionFailure => "Precondition Failure",
        StatusCode::BusyEverywhere => "Busy Everywhere",
        StatusCode::Decline => "Decline",
        StatusCode::DoesNotExistAnywhere => "Does Not Exist Anywhere",
        StatusCode::NotAcceptableGlobal => "Not Acceptable",
        StatusCode::Unwanted => "Unwanted",
        StatusCode::Other(..) => class(status),
    }
}

fn class(status: u16) -> &'static str {
    match status / 100 {
        1 => "Progress",
        2 => "OK",
        3 => "Redirected",
        4 => "Request Failed",
        5 => "Server Failed",
        _ => "Global Failure",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phrases_are_the_rfcs() {
        let phrases = [180, 200, 414, 416, 481, 487, 488, 504, 606].map(reason);
        assert_eq!(
            phrases,
            [
                "Ringing",
                "OK",
                "Request-URI Too Long",
                "Unsupported URI Scheme",
                "Call/Transaction Does Not Exist",
                "Request Terminated",
                "Not Acceptable Here",
                "Server Time-out",
                "Not Acceptable",
            ]
        );
        assert_eq!([reason(299), reason(499), reason(699)], ["OK", "Request Failed", "Global Failure"]);
    }
}
