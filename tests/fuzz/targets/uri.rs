//! Any text as URIs and addresses: the same again when written, equality that is one (RFC 3261 §19.1.4), and
//! nothing shown that may not be.

#![no_main]

use hotline::sip::{Headers, Name, Scheme, Uri};
use hotline_fuzz::check_shown;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let mut lines = text.splitn(3, '\n');
    let (first, second) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    let (a, b) = (Uri::parse(first), Uri::parse(second));
    for uri in [&a, &b].into_iter().flatten() {
        check_uri(uri);
    }
    if let (Ok(a), Ok(b)) = (&a, &b) {
        assert_eq!(a.matches(b), b.matches(a), "{first:?} {second:?}");
        assert!(a != b || a.matches(b));
    }
    check_addresses(first);
});

fn check_uri(uri: &Uri) {
    let text = std::str::from_utf8(uri.as_bytes()).expect("it came from text");
    assert_eq!(Uri::parse(text).as_ref(), Ok(uri));
    assert!(uri.matches(uri), "{text:?}");
    check_shown(&format!("{uri:?}"));
    let _ = (uri.transport(), uri.is_loose_router(), uri.socket_address(), uri.dialled());
    // One more than a list may have is not added.
    if uri.scheme() == Scheme::Other || uri.params().iter().count() > 60 {
        return;
    }
    let with = uri.with_param("x-fuzz", "1");
    assert_eq!(with.params().get("x-fuzz"), Some(&b"1"[..]), "{text:?}");
    assert_eq!((with.user(), with.host(), with.port()), (uri.user(), uri.host(), uri.port()));
    assert_eq!(with.has_headers(), uri.has_headers());
    // A user that is taken apart and put together again is the same one.
    if let (Scheme::Sip, Some(user)) = (uri.scheme(), uri.user())
        && let Ok(built) = Uri::sip_at(Some(&user), &uri.host().to_string(), uri.port())
    {
        assert_eq!(built.user(), Some(user));
        assert!(built.host().matches(&uri.host()));
    }
}

fn check_addresses(value: &str) {
    let mut headers = Headers::default();
    headers.push(Name::Route, value);
    let Ok(addresses) = headers.addresses(Name::Route) else { return };
    for address in &addresses {
        check_shown(&format!("{address:?} {address}"));
    }
    let written: Vec<String> = addresses.iter().map(|address| address.to_value()).collect();
    let mut again = Headers::default();
    again.push(Name::Route, written.join(", "));
    assert_eq!(again.addresses(Name::Route).as_ref(), Ok(&addresses), "{written:?}");
}
