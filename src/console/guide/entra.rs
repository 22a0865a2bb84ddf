//! Microsoft Entra ID: where the two IDs stand, how the application is registered, and what a typed ID has to look like. In: what
//! somebody types; out: text and one-line complaints. It reaches nothing; whether a tenant exists shows when it is proven.

use crate::text::shown;

/// What has to be done in the portal, in order.
pub const STEPS: [&str; 6] = [
    "1  Open https://entra.microsoft.com as an administrator of the organisation.",
    "2  Applications > App registrations > New registration. Name: Postern. Accounts in this organizational directory only. No \
     redirect URI. Register.",
    "3  The page that opens (Overview) shows the two IDs that this box wants: Application (client) ID and Directory (tenant) ID.",
    "4  Authentication > Advanced settings > Allow public client flows: Yes. Save.",
    "5  API permissions: Microsoft Graph, delegated, User.Read. Then Grant admin consent.",
    "6  Conditional Access has to ask these people for MFA at this application too, also from this box's address: that answer is \
     how Entra says that a password was right.",
];

/// Who cannot log in by this way, whatever is set.
pub const NOT_POSSIBLE: &str = "Not possible: guests, personal accounts, accounts without a password, and AD FS without password hashes in the cloud.";

/// Whether this is a GUID: 8-4-4-4-12 hexadecimal digits.
fn is_guid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    let lengths: Vec<usize> = groups.iter().map(|group| group.len()).collect();
    lengths == [8, 4, 4, 4, 12] && groups.iter().all(|group| group.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// Whether this can be a domain name with a dot in it.
fn is_domain(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 253 && text.contains('.') && text.split('.').all(label)
}

/// The directory (tenant) ID.
///
/// # Errors
/// One line: what it looks like.
pub fn tenant_id(text: &str) -> Result<(), String> {
    let lower = text.to_ascii_lowercase();
    match lower.as_str() {
        "" => Err("The tenant ID is missing: it stands on the Overview page of the application.".to_owned()),
        "common" | "consumers" => Err(format!(
            "{lower} cannot check passwords: give the directory ID or a domain."
        )),
        "organizations" => Ok(()),
        _ if is_guid(&lower) || is_domain(&lower) => Ok(()),
        _ => Err(format!(
            "{} is no tenant ID: 8-4-4-4-12 digits and letters a to f, or a verified domain.",
            shown(text)
        )),
    }
}

/// The application (client) ID.
///
/// # Errors
/// One line: what it looks like.
pub fn client_id(text: &str) -> Result<(), String> {
    match text {
        "" => Err("The client ID is missing: it stands on the Overview page of the application.".to_owned()),
        _ if is_guid(text) => Ok(()),
        _ => Err(format!(
            "{} is no client ID: 8-4-4-4-12 digits and letters a to f.",
            shown(text)
        )),
    }
}

/// The domain of the users' names.
///
/// # Errors
/// One line: what it looks like.
pub fn domain(text: &str) -> Result<(), String> {
    match text {
        "" => Err("The domain is missing: what stands behind the @ in the users' names.".to_owned()),
        _ if text.contains('@') => Err("Only what stands behind the @: contoso.example.".to_owned()),
        _ if is_domain(text) => Ok(()),
        _ => Err(format!("{} is no domain such as contoso.example.", shown(text))),
    }
}

/// Whether what was typed so far can still become right: so that nobody reads a complaint while typing.
pub fn may_become_guid(text: &str) -> bool {
    const LENGTHS: [usize; 5] = [8, 4, 4, 4, 12];
    let groups: Vec<&str> = text.split('-').collect();
    let last = groups.len().saturating_sub(1);
    groups.len() <= LENGTHS.len()
        && groups.iter().zip(LENGTHS).enumerate().all(|(at, (group, length))| {
            let whole = if at == last {
                group.len() <= length
            } else {
                group.len() == length
            };
            whole && group.bytes().all(|b| b.is_ascii_hexdigit())
        })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;

    const ID: &str = "0a1b2c3d-1111-2222-3333-0123456789ab";

    #[test]
    fn r13_the_ids_have_a_shape() {
        assert!(tenant_id(ID).is_ok() && client_id(ID).is_ok());
        assert!(client_id(&ID.to_uppercase()).is_ok());
        assert!(tenant_id("contoso.example").is_ok() && tenant_id("organizations").is_ok());
        for bad in [
            "",
            "common",
            "Consumers",
            "contoso",
            "0a1b2c3d-1111-2222-3333",
            "a b.example",
        ] {
            assert!(tenant_id(bad).is_err(), "{bad}");
        }
        for bad in [
            "",
            "contoso.example",
            "0a1b2c3d111122223333",
            &format!("{ID}0"),
            &ID.replace('a', "g"),
        ] {
            assert!(client_id(bad).is_err(), "{bad}");
        }
        for bad in ["", "contoso", "anna@contoso.example", "-a.example", "a..example"] {
            assert!(domain(bad).is_err(), "{bad}");
        }
        assert!(domain("contoso.example").is_ok());
    }

    #[test]
    fn what_may_still_become_an_id_is_no_complaint_yet() {
        for at in 0..=ID.len() {
            assert!(may_become_guid(&ID[..at]), "{}", &ID[..at]);
        }
        for bad in ["0a1b2c3d1", "0a1-", "x", &format!("{ID}-")] {
            assert!(!may_become_guid(bad), "{bad}");
        }
    }

    #[test]
    fn the_steps_leave_room_for_a_form() {
        let rows: usize = STEPS
            .iter()
            .map(|words| crate::console::page::wrap(words, 72).len())
            .sum();
        assert!(rows <= 14, "{rows} rows");
    }
}
