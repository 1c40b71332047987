//! Who calls, in the words of a trunk: From, and P-Asserted-Identity (RFC 3325) where the trunk is trusted; and who
//! sent the call on before (RFC 5806, RFC 7044).

use super::rewrite::{Rewrite, is_telephone};
use crate::base::Masked;
use crate::record::Diverted;
use crate::sip::{Headers, Host, Name, NameAddr, Request};

/// Entries of Diversion or History-Info that are read; nobody is sent on more often, and the record stays small.
const MOST_DIVERSIONS: usize = 8;

/// A caller as the trunk describes them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::exchange) struct Identity {
    /// As the house writes numbers; empty where nobody said it.
    pub number: Masked<String>,
    /// The caller does not want it to be shown or said to anybody.
    pub withheld: bool,
}

/// From a trusted trunk the asserted identity counts and the From, which callers write themselves, does not; from any
/// other it is the other way round (RFC 3325 §5: such a header from outside is to be ignored).
pub(in crate::exchange) fn identity(request: &Request, trusted: bool, rewrite: &Rewrite) -> Identity {
    let claimed = request.from.uri.dialled().unwrap_or_default();
    let asserted = trusted.then(|| asserted(&request.headers)).flatten();
    let nameless = is_nameless(&request.from);
    let withheld = wants_privacy(&request.headers) || nameless;
    let number = match asserted {
        Some(number) => number,
        None if nameless => String::new(),
        None => claimed,
    };
    Identity { number: Masked::new(rewrite.apply(&number)), withheld }
}

/// Of several (RFC 3325 §9.1: one `sip` and one `tel`) the one with a telephone number.
fn asserted(headers: &Headers) -> Option<String> {
    let addresses = headers.addresses(Name::PAssertedIdentity).ok()?;
    let numbers: Vec<String> = addresses.iter().filter_map(|address| address.uri.dialled()).collect();
    let telephone = numbers.iter().find(|number| is_telephone(number));
    telephone.or(numbers.first()).cloned()
}

/// RFC 3323 §4.2, RFC 3325 §9.3.
fn wants_privacy(headers: &Headers) -> bool {
    let values = headers.all(Name::Privacy).map(String::from_utf8_lossy);
    values.into_iter().any(|value| {
        let mut words = value.split([';', ',']).map(str::trim);
        words.any(|word| ["id", "user", "header", "full"].iter().any(|w| word.eq_ignore_ascii_case(w)))
    })
}

/// `sip:anonymous@anonymous.invalid` (RFC 3323 §4.1.1.3), and what gateways write instead.
fn is_nameless(from: &NameAddr) -> bool {
    let invalid = matches!(from.uri.host(), Host::Name(name) if name.to_ascii_lowercase().ends_with("anonymous.invalid"));
    let user = from.uri.user().unwrap_or_default().to_ascii_lowercase();
    invalid || ["", "anonymous", "unavailable", "restricted", "private", "unknown"].contains(&user.as_str())
}

/// Whom the call was for before it came to us, the first one first. The last entry of History-Info is the present
/// target, and no diversion.
pub(in crate::exchange) fn diversions(headers: &Headers, rewrite: &Rewrite) -> Vec<Diverted> {
    let diverted = |address: &NameAddr, reason: String| Diverted {
        number: Masked::new(rewrite.apply(&address.uri.dialled().unwrap_or_default())),
        reason,
    };
    if let Ok(addresses) = headers.addresses(Name::Diversion)
        && !addresses.is_empty()
    {
        // RFC 5806 §6.1: the newest stands first.
        let reason = |address: &NameAddr| word(address.params.get("reason"));
        return addresses
            .iter()
            .rev()
            .take(MOST_DIVERSIONS)
            .map(|address| diverted(address, reason(address)))
            .collect();
    }
    let Ok(history) = headers.addresses(Name::HistoryInfo) else { return Vec::new() };
    history
        .windows(2)
        .take(MOST_DIVERSIONS)
        .filter_map(|pair| match pair {
            [left, next] => Some(diverted(left, history_reason(left, next))),
            _ => None,
        })
        .collect()
}

/// Why a target was left: the Reason in its own URI (RFC 7044 §5), or the `cause` of the next one's (RFC 4458 §2).
fn history_reason(left: &NameAddr, next: &NameAddr) -> String {
    let uri = String::from_utf8_lossy(left.uri.as_bytes()).to_ascii_lowercase();
    let embedded =
        uri.split_once('?').and_then(|(_, headers)| headers.split_once("cause%3d")).map(|(_, after)| after);
    let cause = embedded.map(|after| after.chars().take_while(char::is_ascii_digit).collect::<String>());
    let cause = cause.or_else(|| {
        let params = next.uri.params();
        params.get("cause").map(|cause| String::from_utf8_lossy(cause).into_owned())
    });
    match cause.and_then(|cause| cause.parse::<u16>().ok()) {
        Some(302) => "unconditional",
        Some(486 | 600) => "user-busy",
        Some(408) => "no-answer",
        Some(480 | 487) => "deflection",
        Some(503) => "unavailable",
        Some(404) => "unknown",
        _ => "unknown",
    }
    .to_owned()
}

/// One of RFC 5806's reasons, or another short word; nothing that a peer could fill a record with.
fn word(reason: Option<&[u8]>) -> String {
    let text = reason.map(|reason| String::from_utf8_lossy(reason).trim_matches('"').to_ascii_lowercase());
    text.filter(|text| {
        (1..=32).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    })
    .unwrap_or_else(|| "unknown".to_owned())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::sip::{Framing, Limits, Message};

    fn invite(from: &str, further: &[&str]) -> Request {
        let text = format!(
            "INVITE sip:95588@bank.example SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa\r\nFrom: {from};tag=1\r\n\
             To: <sip:95588@bank.example>\r\nCall-ID: a\r\nCSeq: 1 INVITE\r\nMax-Forwards: 70\r\n{}\
             Content-Length: 0\r\n\r\n",
            further.iter().map(|line| format!("{line}\r\n")).collect::<String>()
        );
        match Message::parse(Bytes::from(text), Framing::Datagram, &Limits::default()) {
            Ok(Message::Request(request)) => request,
            other => panic!("{other:?}"),
        }
    }

    fn who(trusted: bool, from: &str, further: &[&str]) -> (String, bool) {
        let found = identity(&invite(from, further), trusted, &Rewrite::default());
        (found.number.expose().clone(), found.withheld)
    }

    const FROM: &str = "<sip:8613800138000@carrier.example>";
    const ANONYMOUS: &str = "\"Anonymous\" <sip:anonymous@anonymous.invalid>";
    const ASSERTED: &str = "P-Asserted-Identity: \"Bank\" <sip:alice@carrier.example>, <tel:+8613900139000>";

    #[test]
    fn an_assertion_counts_from_those_who_are_trusted() {
        for (trusted, from, further, number, withheld) in [
            (false, FROM, &[][..], "8613800138000", false),
            (true, FROM, &[][..], "8613800138000", false),
            (true, FROM, &[ASSERTED][..], "+8613900139000", false),
            (false, FROM, &[ASSERTED][..], "8613800138000", false),
            (true, ANONYMOUS, &[ASSERTED][..], "+8613900139000", true),
            (true, ANONYMOUS, &[ASSERTED, "Privacy: id"][..], "+8613900139000", true),
            (false, ANONYMOUS, &[ASSERTED, "Privacy: id"][..], "", true),
            (true, FROM, &[ASSERTED, "Privacy: none"][..], "+8613900139000", false),
            (false, FROM, &["Privacy: user;critical"][..], "8613800138000", true),
            (false, "<sip:Restricted@192.0.2.1>", &[][..], "", true),
            (false, "<sip:192.0.2.1>", &[][..], "", true),
            (true, FROM, &["P-Asserted-Identity: <sip:alice@carrier.example>"][..], "alice", false),
        ] {
            assert_eq!(
                who(trusted, from, further),
                (number.to_owned(), withheld),
                "{from} {further:?} {trusted}"
            );
        }
    }

    fn sent_on(lines: &[&str]) -> Vec<(String, String)> {
        let found = diversions(&invite(FROM, lines).headers, &Rewrite::default());
        found.into_iter().map(|diverted| (diverted.number.expose().clone(), diverted.reason)).collect()
    }

    fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
        expected.iter().map(|(number, reason)| ((*number).to_owned(), (*reason).to_owned())).collect()
    }

    #[test]
    fn diversions_are_told_from_the_first() {
        let newest_first = [
            "Diversion: <sip:4008001@carrier.example>;reason=user-busy;counter=1",
            "Diversion: <tel:+861065881234>;reason=no-answer;privacy=off, \"x\" <sip:100@h>;reason=\"time-of-day\"",
        ];
        assert_eq!(
            sent_on(&newest_first),
            pairs(&[("100", "time-of-day"), ("+861065881234", "no-answer"), ("4008001", "user-busy")])
        );
        assert_eq!(sent_on(&[]), pairs(&[]));
        assert_eq!(sent_on(&["Diversion: <sip:1@h>;reason=drop%20table"]), pairs(&[("1", "unknown")]));
        assert_eq!(sent_on(&["Diversion: <<sip:1@h>"]), pairs(&[]));
        let many = vec!["Diversion: <sip:1@h>;reason=away"; 30];
        assert_eq!(sent_on(&many).len(), MOST_DIVERSIONS);
    }

    #[test]
    fn history_is_read_where_no_diversion_is_told() {
        // After RFC 7044 §10, cut to what is read.
        let history = "History-Info: <sip:100@h?Reason=SIP%3Bcause%3D486>;index=1, \
                       <sip:200@h;cause=486>;index=1.1;rc=1, <sip:95588@bank.example;cause=302>;index=1.1.1;rc=1.1";
        assert_eq!(sent_on(&[history]), pairs(&[("100", "user-busy"), ("200", "unconditional")]));
        assert_eq!(sent_on(&["History-Info: <sip:95588@bank.example>;index=1"]), pairs(&[]));
        let both = [history, "Diversion: <sip:300@h>;reason=away"];
        assert_eq!(sent_on(&both), pairs(&[("300", "away")]));
    }
}
