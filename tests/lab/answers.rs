//! What the laboratory tenant says: how each code comes over HTTP, and which codes come whatever the password. Written from the fact
//! sheet, without a look at the box's own table, so that one mistake does not hide another.

use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use serde_json::json;

/// What a user's name asks for.
#[derive(Debug, PartialEq, Eq)]
pub enum Script {
    /// An ordinary user with MFA: 50076 for the right password.
    User,
    /// These codes for the right password.
    Codes(Vec<u32>),
    /// One code without `error_codes`.
    NoCodes(u32),
    /// A token for the right password.
    Token,
    /// An ordinary user whose answer takes so many milliseconds.
    Slow(u64),
    /// This status as plain text, with this `Retry-After`.
    Http(u16, Option<u32>),
    /// A page with status 200.
    Html,
    /// Status 200 without a token.
    Empty,
    /// The connection ends without an answer.
    Reset,
    /// 100 KB of JSON that would go on if it were read.
    Huge,
    /// 307 to a place that would go on if it were asked.
    Redirect,
    /// 50126 whatever the password, as a federated user gets.
    Federated,
}

impl Script {
    /// Reads the part of a name before the `@`, in lower case.
    pub fn of(local: &str) -> Script {
        let numbers = |text: &str| text.split('-').map(str::parse).collect::<Result<Vec<u32>, _>>().ok();
        match local {
            "token" => return Script::Token,
            "html" => return Script::Html,
            "empty200" => return Script::Empty,
            "reset" => return Script::Reset,
            "huge" => return Script::Huge,
            "redirect" => return Script::Redirect,
            "federated" => return Script::Federated,
            _ => {}
        }
        let parsed = local
            .split_once('-')
            .and_then(|(word, rest)| match (word, numbers(rest)?.as_slice()) {
                ("code", [code]) => Some(Script::Codes(vec![*code])),
                ("codes", codes) => Some(Script::Codes(codes.to_vec())),
                ("nocodes", [code]) => Some(Script::NoCodes(*code)),
                ("slow", [millis]) => Some(Script::Slow(u64::from(*millis))),
                ("http", [status]) => Some(Script::Http(u16::try_from(*status).ok()?, None)),
                ("http", [status, after]) => Some(Script::Http(u16::try_from(*status).ok()?, Some(*after))),
                _ => None,
            });
        parsed.unwrap_or(Script::User)
    }
}

/// Codes that come before the password is looked at, or whatever it is.
const WHATEVER_THE_PASSWORD: &[u32] = &[
    50034, 51004, 50014, 50056, 50053, 50020, 500208, 90072, 50059, 50128, 90002, 90019, 900023, 90038, 700016, 500011,
    700011, 70001, 65001, 65004, 90094, 650056, 650057, 7000218, 700025, 70002, 7000215, 7000222, 70011, 900144,
    9001023, 50194, 50196, 80001, 80002, 80005, 80007, 80010, 80013, 80014, 90006, 90012, 90024, 90033, 90055, 90090,
    50033, 50087,
];

/// Whether a wrong password changes nothing about this code.
pub fn whatever_the_password(code: u32) -> bool {
    WHATEVER_THE_PASSWORD.contains(&code)
}

/// HTTP status, `error`, `suberror` and a short text of a code.
fn shape(code: u32) -> (StatusCode, &'static str, Option<&'static str>, &'static str) {
    let bad = StatusCode::BAD_REQUEST;
    match code {
        50076 => (bad, "invalid_grant", Some("basic_action"), "A second factor is needed."),
        50074 => (
            bad,
            "invalid_grant",
            Some("basic_action"),
            "Strong authentication is needed.",
        ),
        50079 | 50072 => (
            bad,
            "invalid_grant",
            Some("basic_action"),
            "The user has to register a second factor.",
        ),
        50158 => (
            bad,
            "invalid_grant",
            Some("basic_action"),
            "An external challenge is not met.",
        ),
        53003 => (
            bad,
            "interaction_required",
            Some("message_only"),
            "Conditional Access gives no token.",
        ),
        53000..=53011 | 530_030..=530_039 | 50131 => (
            bad,
            "interaction_required",
            Some("message_only"),
            "A device or risk policy gives no token.",
        ),
        50055 | 50144 | 50135 | 50125 => (
            bad,
            "invalid_grant",
            Some("user_password_expired"),
            "The password is out of date.",
        ),
        50057 => (bad, "invalid_grant", None, "The account is switched off."),
        50105 => (bad, "invalid_grant", None, "The user has no role in the application."),
        50126 => (bad, "invalid_grant", None, "User name or password do not fit."),
        50034 | 51004 => (bad, "invalid_grant", None, "There is no such account here."),
        50053 => (bad, "invalid_grant", None, "The account is locked for now."),
        65001 | 65004 | 90094 => (bad, "invalid_grant", Some("consent_required"), "Consent is missing."),
        700_016 | 700_011 | 70001 => (bad, "unauthorized_client", None, "There is no such application here."),
        500_011 | 650_057 => (bad, "invalid_resource", None, "There is no such resource here."),
        7_000_218 | 7_000_215 | 7_000_222 | 700_025 | 70002 => (
            StatusCode::UNAUTHORIZED,
            "invalid_client",
            None,
            "The client's credentials do not fit.",
        ),
        70011 => (bad, "invalid_scope", None, "The scope does not fit."),
        900_144 | 9_001_023 | 50194 | 50059 | 50128 | 90002 | 90019 | 900_023 | 90038 => {
            (bad, "invalid_request", None, "The request does not fit.")
        }
        90006 | 90012 | 90024 | 90033 | 90055 | 90090 | 50033 | 50087 => (
            StatusCode::SERVICE_UNAVAILABLE,
            "temporarily_unavailable",
            None,
            "A service is away for now.",
        ),
        _ => (bad, "invalid_grant", None, "Something else is in the way."),
    }
}

/// The error answer with these codes; the first gives status and text. `listed` puts `error_codes` in.
pub fn error(codes: &[u32], listed: bool) -> Response {
    let first = codes.first().copied().unwrap_or(50000);
    let (status, name, suberror, text) = shape(first);
    let (trace, correlation) = (guid(), guid());
    let now = jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M:%SZ").to_string();
    let description = format!("AADSTS{first}: {text} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {now}");
    let mut body = json!({
        "error": name,
        "error_description": description,
        "timestamp": now,
        "trace_id": trace,
        "correlation_id": correlation,
        "error_uri": format!("https://login.microsoftonline.com/error?code={first}"),
    });
    if let Some(object) = body.as_object_mut() {
        if listed {
            object.insert("error_codes".into(), json!(codes));
        }
        if let Some(suberror) = suberror {
            object.insert("suberror".into(), json!(suberror));
        }
        if matches!(first, 50074 | 50076 | 50079 | 53000..=53011) {
            let claims = "{\"access_token\":{\"capolids\":{\"essential\":true,\"values\":[\"00000000-0000-4000-8000-000000000001\"]}}}";
            object.insert("claims".into(), json!(claims));
        }
    }
    reply(status, "application/json; charset=utf-8", body.to_string())
}

/// 200 with a token that is none.
pub fn token(scope: &str) -> Response {
    let body = json!({
        "token_type": "Bearer",
        "scope": scope,
        "expires_in": 4799,
        "ext_expires_in": 4799,
        "access_token": "laboratory.access.token",
        "id_token": "laboratory.id.token",
    });
    reply(StatusCode::OK, "application/json; charset=utf-8", body.to_string())
}

/// 200 without one.
pub fn empty() -> Response {
    let body = json!({ "token_type": "Bearer", "scope": "openid", "expires_in": 4799 });
    reply(StatusCode::OK, "application/json; charset=utf-8", body.to_string())
}

/// Some other status, as a front end in between answers.
pub fn plain(status: u16, retry_after: Option<u32>) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = reply(status, "text/plain", format!("{status}\n"));
    if let Some(seconds) = retry_after {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// A page.
pub fn html() -> Response {
    reply(
        StatusCode::OK,
        "text/html",
        "<!DOCTYPE html><title>Sign in</title>\n".to_owned(),
    )
}

/// 50076, and then far too much.
pub fn huge() -> Response {
    let body = format!("{{\"error_codes\":[50076],\"filler\":\"{}\"}}", "x".repeat(100_000));
    reply(StatusCode::BAD_REQUEST, "application/json", body)
}

/// 307.
pub fn redirect(to: &'static str) -> Response {
    let mut response = reply(StatusCode::TEMPORARY_REDIRECT, "text/plain", String::new());
    response
        .headers_mut()
        .insert(header::LOCATION, HeaderValue::from_static(to));
    response
}

fn reply(status: StatusCode, kind: &'static str, body: String) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// A GUID unlike the others of this process.
fn guid() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let n = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("{:08x}-0000-4000-8000-{n:012x}", std::process::id())
}
