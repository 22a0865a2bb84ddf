//! The HTTP client of one tenant. In: a name and a password; out: an [`Answer`], always, within the deadline. It asks once: it
//! follows no redirect, tries nothing again once a request is on the wire, and takes no proxy from the environment (R13). Nothing it
//! says holds a password; its own copy of the form and of the body is wiped (the HTTP and TLS libraries' buffers are theirs).

use std::fmt::Write as _;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use reqwest::header::{ACCEPT, CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Certificate, Client, Proxy, Url};
use zeroize::Zeroizing;

use super::answer::{Answer, BODY_MAX, classify};
use super::breaker::Breaker;
use super::trouble::Trouble;
use crate::secret::Secret;
use crate::store::records::Tenant;
use crate::text::shown;

/// Connections kept open for the next login: as many as may be asked at once.
pub const POOL: usize = 1000;
/// A kept connection unused for this long is closed, before a firewall on the way forgets it.
pub const POOL_IDLE: Duration = Duration::from_secs(55);
/// How often an unused connection is probed.
pub const KEEP_ALIVE: Duration = Duration::from_secs(20);
/// Room for a body whose length is not announced, in bytes: an answer of Entra's fits.
const BODY_USUAL: usize = 8 * 1024;
/// The name in `User-Agent`.
pub const USER_AGENT: &str = "postern";

/// Why a tenant cannot be asked as it is set up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    /// Not a URL, or with a part that has no place in it.
    #[error("authority {0} is no address of a token endpoint: write https://HOST[:PORT]")]
    Authority(String),
    /// Plain http to somewhere else than this machine.
    #[error("authority {0}: plain http is allowed to a loopback address only; write https://")]
    PlainHttp(String),
    /// Not a proxy that is understood.
    #[error("proxy {0} is no proxy address: write http://[USER:PASSWORD@]HOST:PORT")]
    Proxy(String),
    /// The private authority does not parse.
    #[error("the private authority's file holds no certificate in PEM form")]
    Ca,
    /// The library would not start.
    #[error("the HTTP client does not start: {0}")]
    Client(String),
}

/// What a connection depends on. A change of anything else needs no new one.
#[derive(Clone, PartialEq, Eq)]
struct Key {
    tenant: String,
    client_id: String,
    client_secret: Option<Secret>,
    authority: String,
    scope: String,
    ca_pem: Option<String>,
    proxy: Option<String>,
}

impl Key {
    fn of(tenant: &Tenant) -> Key {
        Key {
            tenant: tenant.tenant.clone(),
            client_id: tenant.client_id.clone(),
            client_secret: tenant.client_secret.clone(),
            authority: tenant.authority.clone(),
            scope: tenant.scope.clone(),
            ca_pem: tenant.ca_pem.clone(),
            proxy: tenant.proxy.clone(),
        }
    }
}

struct Line {
    key: Key,
    client: Client,
    url: Url,
    breaker: Mutex<Breaker>,
}

/// One tenant, ready to be asked. Cheap to clone; clones share connections and breaker.
#[derive(Clone)]
pub struct Directory {
    line: Arc<Line>,
    tenant: Arc<Tenant>,
}

impl Directory {
    /// Prepares the connections; nothing is sent yet.
    ///
    /// # Errors
    /// What in the settings does not work.
    pub fn new(tenant: &Tenant) -> Result<Directory, SetupError> {
        let url = endpoint(&tenant.authority, &tenant.tenant)?;
        let client = client(tenant, url.scheme() == "https")?;
        Ok(Directory {
            line: Arc::new(Line {
                key: Key::of(tenant),
                client,
                url,
                breaker: Mutex::new(Breaker::default()),
            }),
            tenant: Arc::new(tenant.clone()),
        })
    }

    /// Whether this one's connections and breaker serve the tenant's settings as they now are.
    pub fn same_settings(&self, tenant: &Tenant) -> bool {
        self.line.key == Key::of(tenant)
    }

    /// The same connections and breaker with the tenant's policies and overrides as they now are; only where
    /// [`Directory::same_settings`].
    pub fn with_policies(&self, tenant: &Tenant) -> Directory {
        Directory {
            line: Arc::clone(&self.line),
            tenant: Arc::new(tenant.clone()),
        }
    }

    /// The settings this one was made from.
    pub fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    /// The breaker of this tenant; never held across a question.
    pub fn breaker(&self) -> &Mutex<Breaker> {
        &self.line.breaker
    }

    /// Asks once whether this password is this user's. `upn` is the name in its directory form; `deadline` covers everything from
    /// the name look-up to the last byte.
    pub async fn ask(&self, upn: &str, password: &Secret, deadline: Duration) -> Answer {
        match tokio::time::timeout(deadline, self.exchange(upn, password)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(trouble)) => Answer::none(trouble),
            Err(_) => Answer::none(Trouble::Timeout),
        }
    }

    async fn exchange(&self, upn: &str, password: &Secret) -> Result<Answer, Trouble> {
        let form = self.form(upn, password);
        let mut response = self
            .line
            .client
            .post(self.line.url.clone())
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(ACCEPT, "application/json")
            .body(bytes::Bytes::from_owner(Zeroizing::new(form)))
            .send()
            .await
            .map_err(|error| Trouble::of(&error))?;
        let status = response.status().as_u16();
        let retry_after = response
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned);
        let announced = response
            .content_length()
            .and_then(|length| usize::try_from(length).ok());
        let room = announced.unwrap_or(BODY_USUAL).min(BODY_MAX);
        let mut body = Zeroizing::new(Vec::with_capacity(room));
        while let Some(chunk) = response.chunk().await.map_err(|error| Trouble::of(&error))? {
            let length = body.len() + chunk.len();
            if length > BODY_MAX {
                return Err(Trouble::TooLarge);
            }
            if length > body.capacity() {
                // Growing in place would leave a copy behind that nobody wipes.
                let mut larger = Zeroizing::new(Vec::with_capacity(BODY_MAX));
                larger.extend_from_slice(&body);
                body = larger;
            }
            body.extend_from_slice(&chunk);
        }
        Ok(classify(status, retry_after.as_deref(), &body, &self.tenant.overrides))
    }

    /// The form of the grant (RFC 6749 4.3.2), in one allocation so that no half-grown copy stays behind.
    fn form(&self, upn: &str, password: &Secret) -> Vec<u8> {
        let key = &self.line.key;
        let mut fields: Vec<(&str, &[u8])> = vec![
            ("grant_type", b"password"),
            ("client_id", key.client_id.as_bytes()),
            ("scope", key.scope.as_bytes()),
            ("username", upn.as_bytes()),
            ("password", password.expose()),
        ];
        if let Some(secret) = &key.client_secret {
            fields.push(("client_secret", secret.expose()));
        }
        let most: usize = fields
            .iter()
            .map(|(name, value)| name.len() + 2 + 3 * value.len())
            .sum();
        let mut form = Vec::with_capacity(most);
        for (name, value) in fields {
            if !form.is_empty() {
                form.push(b'&');
            }
            form.extend_from_slice(name.as_bytes());
            form.push(b'=');
            encode(value, &mut form);
        }
        form
    }
}

impl std::fmt::Debug for Directory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Directory")
            .field("domain", &self.tenant.domain)
            .finish_non_exhaustive()
    }
}

/// application/x-www-form-urlencoded: letters, digits and `*-._` stand, a blank is `+`, the rest is `%XX`.
fn encode(value: &[u8], out: &mut Vec<u8>) {
    const HEX: [u8; 16] = *b"0123456789ABCDEF";
    let digit = |nibble: u8| HEX.get(usize::from(nibble & 15)).copied().unwrap_or(b'0');
    for byte in value {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'*' | b'-' | b'.' | b'_' => out.push(*byte),
            b' ' => out.push(b'+'),
            _ => out.extend_from_slice(&[b'%', digit(byte >> 4), digit(*byte)]),
        }
    }
}

/// Checks the authority: `https`, or plain `http` to a loopback address; scheme, host and port, nothing else.
///
/// # Errors
/// What is wrong with it.
pub(super) fn authority(text: &str) -> Result<Url, SetupError> {
    let bad = || SetupError::Authority(shown(text));
    let url = Url::parse(text).map_err(|_| bad())?;
    let bare = url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none()
        && matches!(url.path(), "" | "/");
    let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(bad)?;
    match url.scheme() {
        _ if !bare => Err(bad()),
        "https" => Ok(url),
        // A name may lead anywhere, `localhost` too, so only an address will do.
        "http" => match host.trim_matches(['[', ']']).parse::<IpAddr>() {
            Ok(address) if address.to_canonical().is_loopback() => Ok(url),
            _ => Err(SetupError::PlainHttp(shown(text))),
        },
        _ => Err(bad()),
    }
}

fn endpoint(at: &str, tenant: &str) -> Result<Url, SetupError> {
    let mut url = authority(at)?;
    url.path_segments_mut()
        .map_err(|()| SetupError::Authority(shown(at)))?
        .clear()
        .extend([tenant, "oauth2", "v2.0", "token"]);
    Ok(url)
}

/// Checks the proxy: `http` or `https`, a host, nothing behind it.
///
/// # Errors
/// What is wrong with it; a password in it is not shown.
pub(super) fn proxy(text: &str) -> Result<Url, SetupError> {
    let parsed = Url::parse(text).ok();
    let shown_part = parsed.as_ref().map_or_else(String::new, |url| {
        let mut out = String::new();
        // Writing to a String cannot fail.
        let _ = write!(out, "{}://{}", url.scheme(), url.host_str().unwrap_or_default());
        shown(&out)
    });
    parsed
        .filter(|url| matches!(url.scheme(), "http" | "https"))
        .filter(|url| url.host_str().is_some_and(|host| !host.is_empty()))
        .filter(|url| matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none())
        .ok_or(SetupError::Proxy(shown_part))
}

fn client(tenant: &Tenant, tls: bool) -> Result<Client, SetupError> {
    // The library wants a provider for the whole process. Whoever comes first installs it; a second one changes nothing.
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
    let mut builder = Client::builder()
        .user_agent(USER_AGENT)
        .http1_only()
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .retry(reqwest::retry::never())
        .no_proxy()
        .pool_max_idle_per_host(POOL)
        .pool_idle_timeout(POOL_IDLE)
        .tcp_keepalive(KEEP_ALIVE);
    if let Some(at) = &tenant.proxy {
        let url = proxy(at)?;
        let all = Proxy::all(url).map_err(|error| SetupError::Client(shown(&error.without_url().to_string())))?;
        builder = builder.proxy(all);
    }
    let own = match &tenant.ca_pem {
        None => Vec::new(),
        Some(pem) => Certificate::from_pem_bundle(pem.as_bytes())
            .ok()
            .filter(|list| !list.is_empty())
            .ok_or(SetupError::Ca)?,
    };
    builder = if tls {
        builder.https_only(true).tls_certs_merge(own)
    } else {
        // Plain http to this machine needs no roots, so a system without any will do.
        builder.tls_certs_only(own)
    };
    builder
        .build()
        .map_err(|error| SetupError::Client(shown(&error_text(error))))
}

/// The library's words and those beneath, without an address.
fn error_text(error: reqwest::Error) -> String {
    let error = error.without_url();
    let beneath = std::error::Error::source(&error).map(ToString::to_string);
    beneath.unwrap_or_else(|| error.to_string())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::super::decide::tests::sample;
    use super::*;

    fn with(set: impl FnOnce(&mut Tenant)) -> Result<Directory, SetupError> {
        let mut tenant = sample();
        set(&mut tenant);
        Directory::new(&tenant)
    }

    fn at(authority: &str) -> Result<Directory, SetupError> {
        with(|tenant| tenant.authority = authority.into())
    }

    #[test]
    fn r13_the_authority_is_https_or_loopback() {
        for good in [
            "https://login.microsoftonline.com",
            "https://127.0.0.1:8443/",
            "http://127.0.0.1:8080",
            "http://127.9.9.9",
            "http://[::1]:8080",
            "http://[::ffff:127.0.0.1]:1",
        ] {
            assert!(at(good).is_ok(), "{good}");
        }
        for plain in [
            "http://login.microsoftonline.com",
            "http://localhost:80",
            "http://10.0.0.1",
            "http://[::2]",
        ] {
            assert_eq!(at(plain).unwrap_err(), SetupError::PlainHttp(plain.into()));
        }
        for bad in [
            "",
            "login.microsoftonline.com",
            "ftp://127.0.0.1",
            "https://login.microsoftonline.com/common",
            "https://a:b@login.microsoftonline.com",
            "https://login.microsoftonline.com?x=1",
            "https://login.microsoftonline.com#x",
            "file:///etc/passwd",
        ] {
            assert_eq!(at(bad).unwrap_err(), SetupError::Authority(bad.into()), "{bad}");
        }
    }

    #[test]
    fn r13_the_path_is_the_token_endpoint_of_this_tenant_only() {
        let url = |tenant: &str| {
            endpoint("https://login.microsoftonline.us", tenant)
                .unwrap()
                .to_string()
        };
        assert_eq!(
            url("11111111-2222-3333-4444-555555555555"),
            "https://login.microsoftonline.us/11111111-2222-3333-4444-555555555555/oauth2/v2.0/token"
        );
        assert_eq!(
            url("a/../b?c#d"),
            "https://login.microsoftonline.us/a%2F..%2Fb%3Fc%23d/oauth2/v2.0/token"
        );
    }

    #[test]
    fn r13_a_private_authority_must_be_one() {
        for pem in [
            "",
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            "no pem",
        ] {
            let result = with(|tenant| tenant.ca_pem = Some(pem.into()));
            assert!(matches!(result, Err(SetupError::Ca | SetupError::Client(_))), "{pem}");
        }
    }

    #[test]
    fn r13_a_proxy_is_checked_and_its_password_not_shown() {
        assert!(with(|tenant| tenant.proxy = Some("http://user:pass@10.0.0.1:3128".into())).is_ok());
        for bad in [
            "socks5://10.0.0.1:1080",
            "10.0.0.1:3128",
            "http://user:hunter2@10.0.0.1/path",
        ] {
            let error = with(|tenant| tenant.proxy = Some(bad.into())).unwrap_err();
            assert!(matches!(error, SetupError::Proxy(_)), "{bad}");
            assert!(!error.to_string().contains("hunter2"));
        }
    }

    #[test]
    fn r13_only_settings_of_the_connection_make_a_new_one() {
        let first = with(|_| ()).unwrap();
        let mut tenant = sample();
        tenant.allow_external = true;
        tenant.generation = 2;
        assert!(first.same_settings(&tenant));
        assert!(first.with_policies(&tenant).tenant().allow_external);
        let changes: [fn(&mut Tenant); 7] = [
            |t| t.tenant = "organizations".into(),
            |t| t.client_id = "x".into(),
            |t| t.client_secret = Some(Secret::from("s")),
            |t| t.authority = "https://login.microsoftonline.us".into(),
            |t| t.scope = "openid profile".into(),
            |t| t.ca_pem = Some("x".into()),
            |t| t.proxy = Some("x".into()),
        ];
        for change in changes {
            let mut tenant = sample();
            change(&mut tenant);
            assert!(!first.same_settings(&tenant));
        }
    }

    #[test]
    fn r5_every_byte_of_a_password_arrives() {
        let form = |secret: Option<Secret>, password: &[u8]| {
            let directory = with(|tenant| tenant.client_secret = secret).unwrap();
            String::from_utf8(directory.form("anna@contoso.example", &Secret::new(password.to_vec()))).unwrap()
        };
        assert_eq!(
            form(None, "a b+c&d=e%ä\u{1}".as_bytes()),
            "grant_type=password&client_id=66666666-7777-8888-9999-aaaaaaaaaaaa&scope=openid\
             &username=anna%40contoso.example&password=a+b%2Bc%26d%3De%25%C3%A4%01"
        );
        assert!(form(Some(Secret::from("s&t")), b"x").ends_with("&password=x&client_secret=s%26t"));
    }
}
