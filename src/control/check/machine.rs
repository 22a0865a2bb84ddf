//! What is typed about the machine: addresses, gateways, VLANs, names, time servers, SSH keys, the time of day. In: text as somebody
//! types it, lists with blanks or commas between; out: values, or one line that says what is wrong and how it is written. Pure.

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::civil;
use jiff::tz::TimeZone;

use super::masked;
use crate::host::ops::HostAddress;
use crate::store::records::Timestamp;
use crate::text::shown;

/// The longest host name (Linux holds 64 bytes).
pub const HOST_NAME_MAX: usize = 64;
/// Addresses of one family on one link.
pub const ADDRESSES_MAX: usize = 4;
/// Name servers: what a resolver of today looks at.
pub const DNS_MAX: usize = 3;
/// Time servers.
pub const TIME_SERVERS_MAX: usize = 4;
/// The longest name on the network (RFC 1035 2.3.4).
const NAME_MAX: usize = 253;
/// The longest URL of an update.
pub const URL_MAX: usize = 200;
/// The longest line of an SSH key: an RSA key of 4096 bits has about 740 characters.
pub const SSH_KEY_MAX: usize = 1_500;
/// The most SSH keys.
pub const SSH_KEYS_MAX: usize = 16;
/// Before this year no time is right.
pub const YEAR_MIN: i16 = 2026;
/// What OpenSSH calls the keys of today.
const SSH_KINDS: [&str; 7] = [
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
    "ssh-rsa",
];

/// The words of a list: blanks or commas between them.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split([' ', ',']).filter(|word| !word.is_empty())
}

/// How an address of a family is written.
fn sample(v6: bool) -> &'static str {
    if v6 { "2001:db8::10/64" } else { "192.0.2.10/24" }
}

fn family(v6: bool) -> &'static str {
    if v6 { "IPv6" } else { "IPv4" }
}

/// `192.0.2.10/24`: an address of this host, with the length of its network.
///
/// # Errors
/// One line: no address, of the other family, no length, the network's own or its broadcast address, none that a host can have.
pub fn host_address(text: &str, v6: bool) -> Result<HostAddress, String> {
    let write = format!("write it as {}", sample(v6));
    let Some((address, length)) = text.split_once('/') else {
        return Err(format!("{} has no length of its network: {write}", shown(text)));
    };
    let address: IpAddr = address
        .parse()
        .map_err(|_| format!("{} is no address: {write}", shown(text)))?;
    if address.is_ipv6() != v6 {
        return Err(format!("{} is not {}: {write}", shown(text), family(v6)));
    }
    let whole = if v6 { 128 } else { 32 };
    let is_number = !length.is_empty() && length.bytes().all(|byte| byte.is_ascii_digit());
    let length: u8 = length
        .parse()
        .ok()
        .filter(|length| is_number && (1..=whole).contains(length))
        .ok_or_else(|| format!("{} has a bad length: it is 1 to {whole} bits", shown(text)))?;
    if !is_host(address) {
        return Err(format!("{address} is no address that a host can have"));
    }
    let is_network = length < whole - 1 && masked(address, length) == address;
    if is_network && !v6 {
        return Err(format!(
            "{address}/{length} is the network itself: give the box's own address in it"
        ));
    }
    if let IpAddr::V4(v4) = address
        && length < whole - 1
        && v4.to_bits() | (u32::MAX >> length) == v4.to_bits()
    {
        return Err(format!(
            "{address} is the broadcast address of its network: give another one"
        ));
    }
    Ok(HostAddress { address, length })
}

/// Whether an address can stand on an interface.
fn is_host(address: IpAddr) -> bool {
    let plain = !(address.is_unspecified() || address.is_loopback() || address.is_multicast());
    match address {
        IpAddr::V4(v4) => plain && v4.octets().first().is_some_and(|first| (1..240).contains(first)),
        IpAddr::V6(v6) => plain && v6.to_ipv4_mapped().is_none(),
    }
}

/// Addresses of one family, none to [`ADDRESSES_MAX`].
///
/// # Errors
/// One line, as of [`host_address`]; too many; one twice.
pub fn host_addresses(text: &str, v6: bool) -> Result<Vec<HostAddress>, String> {
    let mut found: Vec<HostAddress> = Vec::new();
    for word in words(text) {
        let one = host_address(word, v6)?;
        if found.iter().any(|other| other.address == one.address) {
            return Err(format!("{} stands there twice", one.address));
        }
        found.push(one);
    }
    match found.len() > ADDRESSES_MAX {
        true => Err(format!("these are more than {ADDRESSES_MAX} addresses")),
        false => Ok(found),
    }
}

/// A default gateway among the networks of these addresses; none where nothing was typed.
///
/// # Errors
/// One line: no address, of the other family, in none of the networks, the box's own.
pub fn gateway(text: &str, v6: bool, addresses: &[HostAddress]) -> Result<Option<IpAddr>, String> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let sample = if v6 { "2001:db8::1" } else { "192.0.2.1" };
    let found: IpAddr = text
        .parse()
        .map_err(|_| format!("{} is no address: write it as {sample}", shown(text)))?;
    if found.is_ipv6() != v6 || !is_host(found) {
        return Err(format!(
            "{found} is no {} address of a gateway: write it as {sample}",
            family(v6)
        ));
    }
    if addresses.iter().any(|one| one.address == found) {
        return Err(format!("{found} is the box's own address: name the router's"));
    }
    let is_near = |one: &HostAddress| masked(found, one.length) == masked(one.address, one.length);
    let is_link_local = matches!(found, IpAddr::V6(v6) if v6.is_unicast_link_local());
    let mut own = addresses.iter().filter(|one| one.address.is_ipv6() == v6);
    if !is_link_local && !own.any(is_near) {
        return Err(format!("{found} is in no network of these addresses"));
    }
    Ok(Some(found))
}

/// A VLAN's number; none where nothing was typed.
///
/// # Errors
/// One line.
pub fn vlan(text: &str) -> Result<Option<u16>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let number = text.parse().ok().filter(|number| (1..=4_094).contains(number));
    number
        .map(Some)
        .ok_or_else(|| format!("{} is no VLAN: it is a number from 1 to 4094", shown(text)))
}

/// Name servers, none to [`DNS_MAX`].
///
/// # Errors
/// One line.
pub fn name_servers(text: &str) -> Result<Vec<IpAddr>, String> {
    let mut found: Vec<IpAddr> = Vec::new();
    for word in words(text) {
        let one: IpAddr = word
            .parse()
            .map_err(|_| format!("{} is no address: a name server is named by its address", shown(word)))?;
        if one.is_unspecified() || one.is_multicast() {
            return Err(format!("{one} is no address of a name server"));
        }
        if !found.contains(&one) {
            found.push(one);
        }
    }
    match found.len() > DNS_MAX {
        true => Err(format!("these are more than {DNS_MAX} name servers")),
        false => Ok(found),
    }
}

/// Whether this is a name on the network (RFC 1123 2.1).
fn is_name(text: &str, most: usize) -> bool {
    let label = |label: &str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        (1..=63).contains(&label.len()) && label.bytes().all(plain) && !label.starts_with('-') && !label.ends_with('-')
    };
    let last = text.rsplit('.').next().unwrap_or_default();
    let is_number = last.bytes().all(|byte| byte.is_ascii_digit());
    text.len() <= most && text.split('.').all(label) && !is_number
}

/// The host's name: letters, digits and dashes, one label or several.
///
/// # Errors
/// One line.
pub fn host_name(text: &str) -> Result<String, String> {
    match is_name(text, HOST_NAME_MAX) {
        true => Ok(text.to_ascii_lowercase()),
        false => Err("a host's name has letters, digits and dashes, 64 at most, such as box-1".to_owned()),
    }
}

/// Time servers by name or address, none to [`TIME_SERVERS_MAX`].
///
/// # Errors
/// One line.
pub fn time_servers(text: &str) -> Result<Vec<String>, String> {
    let mut found: Vec<String> = Vec::new();
    for word in words(text) {
        if word.parse::<IpAddr>().is_err() && !is_name(word, NAME_MAX) {
            return Err(format!(
                "{} is neither a name nor an address of a time server",
                shown(word)
            ));
        }
        found.push(word.to_ascii_lowercase());
    }
    match found.len() > TIME_SERVERS_MAX {
        true => Err(format!("these are more than {TIME_SERVERS_MAX} time servers")),
        false => Ok(found),
    }
}

/// The folder of a release on a web server.
///
/// # Errors
/// One line: no web address, a name and password in it, too long.
pub fn update_url(text: &str) -> Result<String, String> {
    let text = text.trim();
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let host = rest.and_then(|rest| rest.split('/').next()).unwrap_or_default();
    if host.contains('@') {
        return Err("no user and no password stand in this address".to_owned());
    }
    let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic());
    match !host.is_empty() && is_plain && text.len() <= URL_MAX {
        true => Ok(text.to_owned()),
        false => Err("write the folder's whole address: https://server.example/folder".to_owned()),
    }
}

/// One line of an authorized_keys file, without options: kind, key, comment.
///
/// # Errors
/// One line: a private key, an unknown kind, a key that is cut off, options before it.
pub fn ssh_key(text: &str) -> Result<String, String> {
    if text.contains("PRIVATE KEY") {
        return Err("that is a private key: keep it to yourself, and give the file that ends in .pub".to_owned());
    }
    let mut parts = text.split_ascii_whitespace();
    let (kind, key) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    if !SSH_KINDS.contains(&kind) {
        return Err(format!(
            "{} is no kind of key: a public key begins with ssh-ed25519, ecdsa-sha2-... or ssh-rsa",
            shown(kind)
        ));
    }
    let bytes = STANDARD.decode(key).unwrap_or_default();
    let named = u32::try_from(kind.len()).unwrap_or(0).to_be_bytes();
    let begins = bytes.starts_with(&named) && bytes.get(4..).is_some_and(|rest| rest.starts_with(kind.as_bytes()));
    // The shortest, ed25519, has 51 bytes.
    if !begins || bytes.len() < 51 || text.len() > SSH_KEY_MAX {
        return Err("the key is cut off or mistyped: copy the whole line of the .pub file".to_owned());
    }
    let comment: String = parts.collect::<Vec<_>>().join(" ");
    let comment: String = comment.chars().filter(char::is_ascii_graphic).take(64).collect();
    Ok(format!("{kind} {key} {comment}").trim_end().to_owned())
}

/// Date and time on a clock of the zone: `2026-03-02` and `14:05`, with seconds where they matter.
///
/// # Errors
/// Which of the two it is, and one line.
pub fn clock(date: &str, time: &str, zone: &TimeZone) -> Result<Timestamp, (&'static str, String)> {
    let day = civil::Date::strptime("%Y-%m-%d", date)
        .map_err(|_| ("date", "write the date as year, month, day: 2026-03-02".to_owned()))?;
    if day.year() < YEAR_MIN {
        return Err((
            "date",
            "a date before 2026 is wrong: this box was made later".to_owned(),
        ));
    }
    let hour = civil::Time::strptime("%H:%M:%S", time).or_else(|_| civil::Time::strptime("%H:%M", time));
    let hour = hour.map_err(|_| ("time", "write the time as hours and minutes: 14:05".to_owned()))?;
    let far = || ("date", "this date is too far away".to_owned());
    let zoned = day.to_datetime(hour).to_zoned(zone.clone()).map_err(|_| far())?;
    let millis = u64::try_from(zoned.timestamp().as_millisecond()).map_err(|_| far())?;
    if day.year() > 2_200 {
        return Err(far());
    }
    Ok(Timestamp(millis))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_a_host_has_its_networks_length_and_bits_of_its_own() {
        for (text, v6) in [
            ("192.0.2.10/24", false),
            ("192.0.2.0/31", false),
            ("192.0.2.7/32", false),
            ("2001:db8::10/64", true),
            ("2001:db8::/64", true),
        ] {
            let one = host_address(text, v6).unwrap();
            assert_eq!(format!("{}/{}", one.address, one.length), text);
        }
        for (text, v6, word) in [
            ("192.0.2.10", false, "no length"),
            ("192.0.2.10/", false, "bad length"),
            ("192.0.2.10/+4", false, "bad length"),
            ("192.0.2.10/33", false, "bad length"),
            ("192.0.2.10/0", false, "bad length"),
            ("192.0.2.300/24", false, "no address"),
            ("192.0.2.0/24", false, "network itself"),
            ("192.0.2.255/24", false, "broadcast"),
            ("127.0.0.1/8", false, "that a host can have"),
            ("224.0.0.1/4", false, "that a host can have"),
            ("0.0.0.1/8", false, "that a host can have"),
            ("2001:db8::10/64", false, "not IPv4"),
            ("192.0.2.10/24", true, "not IPv6"),
            ("::ffff:192.0.2.1/120", true, "that a host can have"),
            ("2001:db8::10/129", true, "1 to 128"),
        ] {
            let line = host_address(text, v6).unwrap_err();
            assert!(line.contains(word) && !line.contains('\n'), "{text}: {line}");
        }
        assert_eq!(
            host_addresses(" 192.0.2.10/24, 198.51.100.3/24 ", false).unwrap().len(),
            2
        );
        assert_eq!(host_addresses("", true), Ok(Vec::new()));
        assert!(
            host_addresses("192.0.2.1/24 192.0.2.1/25", false)
                .unwrap_err()
                .contains("twice")
        );
        let many: Vec<String> = (1..=5).map(|n| format!("192.0.2.{n}/24")).collect();
        assert!(
            host_addresses(&many.join(" "), false)
                .unwrap_err()
                .contains("more than 4")
        );
    }

    #[test]
    fn a_gateway_is_in_the_network_and_not_the_box_itself() {
        let own = host_addresses("192.0.2.10/24", false).unwrap();
        let own6 = host_addresses("2001:db8::10/64", true).unwrap();
        assert_eq!(gateway("", false, &own), Ok(None));
        assert_eq!(gateway("192.0.2.1", false, &own), Ok("192.0.2.1".parse().ok()));
        assert_eq!(gateway("fe80::1", true, &own6), Ok("fe80::1".parse().ok()));
        for (text, v6, own, word) in [
            ("192.0.3.1", false, &own, "in no network"),
            ("192.0.2.10", false, &own, "own address"),
            ("192.0.2", false, &own, "no address"),
            ("2001:db8::1", false, &own, "no IPv4"),
            ("2001:db8:1::1", true, &own6, "in no network"),
        ] {
            let line = gateway(text, v6, own).unwrap_err();
            assert!(line.contains(word), "{text}: {line}");
        }
    }

    #[test]
    fn names_numbers_and_servers_are_told_apart() {
        assert_eq!((vlan(""), vlan("20")), (Ok(None), Ok(Some(20))));
        assert!(["0", "4095", "99999", "x"].iter().all(|text| vlan(text).is_err()));
        assert_eq!(host_name("Box-1"), Ok("box-1".to_owned()));
        assert_eq!(
            host_name("radius.contoso.example").as_deref(),
            Ok("radius.contoso.example")
        );
        for bad in ["", "-box", "box-", "box_1", "box..x", "192.0.2.1", "7", &"a".repeat(65)] {
            assert!(host_name(bad).is_err(), "{bad}");
        }
        assert_eq!(name_servers("192.0.2.53,2001:db8::53").unwrap().len(), 2);
        assert!(
            name_servers("dns.example").is_err() && name_servers("192.0.2.1 192.0.2.2 192.0.2.3 192.0.2.4").is_err()
        );
        assert_eq!(
            time_servers("Time.example 192.0.2.4").unwrap(),
            ["time.example", "192.0.2.4"]
        );
        assert!(time_servers("time_server").is_err() && time_servers("192.0.2.300").is_err());
        assert!(update_url("https://server.example/postern/").is_ok());
        for bad in [
            "server.example",
            "ftp://server.example",
            "https://",
            "https://a:b@server.example/",
            "https://a b",
        ] {
            assert!(update_url(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn r21_a_private_key_is_refused_in_words_and_a_public_one_is_whole() {
        const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl anna@desk";
        assert_eq!(ssh_key(KEY).as_deref(), Ok(KEY));
        assert!(
            ssh_key("-----BEGIN OPENSSH PRIVATE KEY-----")
                .unwrap_err()
                .contains("private key")
        );
        for bad in [
            "",
            "hello",
            "ssh-ed25519",
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6",
            "ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl",
            &format!("command=\"/bin/sh\" {KEY}"),
        ] {
            let line = ssh_key(bad).unwrap_err();
            assert!(!line.contains('\n'), "{line}");
        }
    }

    #[test]
    fn r19_a_time_before_2026_is_refused_and_the_zone_counts() {
        let zone = TimeZone::fixed(jiff::tz::offset(2));
        assert_eq!(clock("2026-03-02", "16:05", &zone), Ok(Timestamp(1_772_460_300_000)));
        assert_eq!(clock("2026-03-02", "16:05:01", &zone), Ok(Timestamp(1_772_460_301_000)));
        for (date, time, which) in [
            ("2025-12-31", "23:59", "date"),
            ("2.3.2026", "14:05", "date"),
            ("2026-02-30", "14:05", "date"),
            ("2026-03-02", "2 pm", "time"),
            ("2026-03-02", "25:00", "time"),
            ("9999-03-02", "14:05", "date"),
        ] {
            assert_eq!(clock(date, time, &zone).unwrap_err().0, which, "{date} {time}");
        }
    }
}
