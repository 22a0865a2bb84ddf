//! The laboratory tenant's endpoints: the token endpoint in Entra's order of checks, the realm of a user, and what was asked so far.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::extract::rejection::FormRejection;
use axum::extract::{Path, State};
use axum::http::Uri;
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::answers::{self, Script};

/// What the flags say.
pub struct Settings {
    /// Directory ID, lower case.
    pub tenant: String,
    /// Application ID, lower case.
    pub client_id: String,
    /// Of a confidential application.
    pub client_secret: Option<String>,
    /// Everybody's.
    pub password: String,
    /// Before each answer.
    pub delay: Duration,
}

/// The tenant.
pub struct Lab {
    settings: Settings,
    total: AtomicU64,
    trapped: AtomicU64,
    by_user: Mutex<HashMap<String, u64>>,
}

impl Lab {
    /// A tenant that nobody has asked yet.
    pub fn new(settings: Settings) -> Lab {
        Lab {
            settings,
            total: AtomicU64::new(0),
            trapped: AtomicU64::new(0),
            by_user: Mutex::new(HashMap::new()),
        }
    }

    fn right(&self, password: &str) -> bool {
        password == self.settings.password
    }

    /// The code of a request that is wrong whoever asks.
    fn mistake(&self, tenant: &str, form: &HashMap<String, String>) -> Option<u32> {
        let field = |name: &str| form.get(name).map(String::as_str).filter(|value| !value.is_empty());
        let tenant = tenant.to_ascii_lowercase();
        let known = [self.settings.tenant.as_str(), crate::DOMAIN, "organizations"];
        if ["common", "consumers"].contains(&tenant.as_str()) {
            return Some(9_001_023);
        }
        if !known.contains(&tenant.as_str()) {
            return Some(90002);
        }
        for name in ["grant_type", "client_id", "username", "password", "scope"] {
            if field(name).is_none() {
                return Some(900_144);
            }
        }
        if field("grant_type") != Some("password") {
            return Some(70003);
        }
        if field("client_id").map(str::to_ascii_lowercase).as_deref() != Some(self.settings.client_id.as_str()) {
            return Some(700_016);
        }
        match (self.settings.client_secret.as_deref(), field("client_secret")) {
            (Some(_), None) => Some(7_000_218),
            (None, Some(_)) => Some(700_025),
            (Some(wanted), Some(sent)) if wanted != sent => Some(7_000_215),
            _ => None,
        }
    }
}

/// All endpoints.
pub fn router(lab: Arc<Lab>) -> Router {
    Router::new()
        .route("/{tenant}/oauth2/v2.0/token", post(token))
        .route("/common/userrealm/{upn}", get(realm))
        .route("/lab/requests", get(requests))
        .route("/lab/trap", post(trap))
        .with_state(lab)
}

async fn token(
    State(lab): State<Arc<Lab>>,
    Path(tenant): Path<String>,
    form: Result<Form<HashMap<String, String>>, FormRejection>,
) -> Response {
    lab.total.fetch_add(1, Ordering::Relaxed);
    let Ok(Form(form)) = form else {
        return answers::error(&[900_144], true);
    };
    let get = |name: &str| form.get(name).map_or("", String::as_str);
    let upn = get("username").to_lowercase();
    if !upn.is_empty() {
        *lab.by_user.lock().entry(upn.clone()).or_default() += 1;
    }
    if !lab.settings.delay.is_zero() {
        tokio::time::sleep(lab.settings.delay).await;
    }
    if let Some(code) = lab.mistake(&tenant, &form) {
        return answers::error(&[code], true);
    }
    let right = lab.right(get("password"));
    let wrong = || answers::error(&[50126], true);
    match Script::of(upn.split('@').next().unwrap_or_default()) {
        Script::User if right => answers::error(&[50076], true),
        Script::Codes(codes) if right || codes.iter().any(|code| answers::whatever_the_password(*code)) => {
            answers::error(&codes, true)
        }
        Script::NoCodes(code) if right || answers::whatever_the_password(code) => answers::error(&[code], false),
        Script::Token if right => answers::token(get("scope")),
        Script::Slow(millis) => {
            tokio::time::sleep(Duration::from_millis(millis)).await;
            if right { answers::error(&[50076], true) } else { wrong() }
        }
        Script::Http(status, retry_after) => answers::plain(status, retry_after),
        Script::Html => answers::html(),
        Script::Empty => answers::empty(),
        // The connection's task ends with it, and the socket closes without a byte; no hook prints anything.
        Script::Reset => std::panic::resume_unwind(Box::new("reset")),
        Script::Huge => answers::huge(),
        Script::Redirect => answers::redirect("/lab/trap"),
        Script::User | Script::Codes(_) | Script::NoCodes(_) | Script::Token | Script::Federated => wrong(),
    }
}

/// Where a client must never come.
async fn trap(State(lab): State<Arc<Lab>>) -> Response {
    lab.trapped.fetch_add(1, Ordering::Relaxed);
    answers::error(&[50076], true)
}

async fn realm(Path(upn): Path<String>) -> Json<Value> {
    let upn = upn.to_lowercase();
    let (local, domain) = upn.split_once('@').unwrap_or((upn.as_str(), ""));
    let mut body = json!({ "ver": "1.0", "domain_name": domain, "cloud_instance_name": "microsoftonline.com" });
    let kind = match (local, domain) {
        (_, "") => "Unknown",
        ("federated", _) => "Federated",
        _ => "Managed",
    };
    if let Some(object) = body.as_object_mut() {
        object.insert("account_type".into(), json!(kind));
        if kind == "Federated" {
            object.insert("federation_protocol".into(), json!("WSTrust"));
        }
    }
    Json(body)
}

/// `?user=UPN`: how often that user was asked for; without: all, and how often the trap was.
async fn requests(State(lab): State<Arc<Lab>>, uri: Uri) -> Json<Value> {
    let query = reqwest::Url::parse(&format!("http://lab{uri}")).ok().and_then(|url| {
        url.query_pairs()
            .find(|(name, _)| name == "user")
            .map(|(_, user)| user.to_lowercase())
    });
    Json(match query {
        Some(user) => json!({ "count": lab.by_user.lock().get(&user).copied().unwrap_or(0) }),
        None => json!({
            "count": lab.total.load(Ordering::Relaxed),
            "trapped": lab.trapped.load(Ordering::Relaxed),
        }),
    })
}
