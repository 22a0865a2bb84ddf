//! The settings of a gateway, exactly as they are typed there. In: the product, the box's address and port, the shared secret where
//! it was just made; out: lines of at most 76 columns. What stands here was read in the vendors' documents or seen in working
//! set-ups; where neither says whether a product sends Message-Authenticator, the text leaves it to what the client was seen to send.

use zeroize::Zeroizing;

use crate::control::Mode;

/// A gateway that has a guide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gateway {
    /// Fortinet FortiGate.
    FortiGate,
    /// Cisco ASA with AnyConnect.
    CiscoAsa,
    /// Cisco Meraki client VPN.
    Meraki,
    /// Citrix NetScaler Gateway.
    NetScaler,
    /// Microsoft RRAS, and NPS as a proxy.
    Microsoft,
    /// OpenVPN with the radius plugin, and OpenVPN Access Server.
    OpenVpn,
    /// pfSense.
    PfSense,
    /// MikroTik RouterOS.
    MikroTik,
}

impl Gateway {
    /// All of them, in the order in which they are offered.
    pub const ALL: [Self; 8] = [
        Self::FortiGate,
        Self::CiscoAsa,
        Self::Meraki,
        Self::NetScaler,
        Self::Microsoft,
        Self::OpenVpn,
        Self::PfSense,
        Self::MikroTik,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::FortiGate => "FortiGate",
            Self::CiscoAsa => "Cisco ASA",
            Self::Meraki => "Cisco Meraki",
            Self::NetScaler => "Citrix NetScaler",
            Self::Microsoft => "Microsoft RRAS/NPS",
            Self::OpenVpn => "OpenVPN",
            Self::PfSense => "pfSense",
            Self::MikroTik => "MikroTik",
        }
    }

    /// The gateway of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|gateway| gateway.name() == name)
    }

    /// The mode that works with it as it comes. Only FortiGate was seen to ask for the code by itself and to wait long enough; the
    /// others have VPN clients with one field, or repeat the password in the second step.
    pub fn mode(self) -> Mode {
        match self {
            Self::FortiGate => Mode::Challenge,
            _ => Mode::Append,
        }
    }

    fn template(self) -> &'static str {
        match self {
            Self::FortiGate => FORTIGATE,
            Self::CiscoAsa => CISCO_ASA,
            Self::Meraki => MERAKI,
            Self::NetScaler => NETSCALER,
            Self::Microsoft => MICROSOFT,
            Self::OpenVpn => OPENVPN,
            Self::PfSense => PFSENSE,
            Self::MikroTik => MIKROTIK,
        }
    }
}

/// What is filled in.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    /// The box's address.
    pub address: &'a str,
    /// Its port for authentication.
    pub port: u16,
    /// The shared secret, if it was just made.
    pub secret: Option<&'a str>,
}

/// What stands for a secret that is not known any more.
pub const SECRET: &str = "SECRET";

/// The settings to type, filled in.
pub fn settings(gateway: Gateway, place: &Place<'_>) -> Zeroizing<String> {
    let port = place.port.to_string();
    let secret = place.secret.unwrap_or(SECRET);
    let template = gateway.template();
    let most = template.matches('<').count();
    // Room for all that is filled in, so that no copy of the secret is left behind by growing.
    let room = template.len() + most * (place.address.len() + port.len() + secret.len());
    let mut filled = Zeroizing::new(String::with_capacity(room));
    let mut rest = template;
    while let Some((before, behind)) = rest.split_once('<') {
        filled.push_str(before);
        let (word, behind) = behind.split_once('>').unwrap_or((behind, ""));
        filled.push_str(match word {
            "address" => place.address,
            "port" => &port,
            "secret" => secret,
            other => other,
        });
        rest = behind;
    }
    filled.push_str(rest);
    filled
}

const FORTIGATE: &str = "\
In the CLI (web: User & Authentication > RADIUS Servers, without timeouts):
  config user radius
    edit postern
      set server <address>
      set secret <secret>
      set radius-port <port>
      set auth-type pap
      set timeout 5
    next
  end
  config system global
    set remoteauthtimeout 15
  end
Then put postern into the user group that the VPN asks for.
PAP: by its default FortiGate tries MS-CHAPv2 and CHAP after each refusal.
Timeouts: 5 s a try, 15 s in all; its own 5 s in all leave no second try.
Mode here: challenge. FortiGate asks for the code itself, within 60 s.
Message-Authenticator: 7.2.10, 7.4.5, 7.6.1 and later take no reply without.
  This box always sends it. A FortiGate that sends none needs an update.";

const CISCO_ASA: &str = "\
In the CLI; for inside and VPN write your interface and tunnel group:
  aaa-server POSTERN protocol radius
   max-failed-attempts 3
  aaa-server POSTERN (inside) host <address>
   key <secret>
   authentication-port <port>
   retry-interval 5
   timeout 15
   no mschapv2-capable
  tunnel-group VPN general-attributes
   authentication-server-group POSTERN
Port: the ASA's own default is 1645, so it has to be set.
PAP: no password-management in the tunnel group, or it sends MS-CHAPv2.
Timeouts: again after 5 s, given up after 15 s.
Mode here: append. As secondary authentication the ASA sends the code
  alone: choose code-only then.
Message-Authenticator: from 9.22 message-authenticator-required asks for
  it in replies, and this box sends it. What the ASA itself sends shows at
  this client after the first login.";

const MERAKI: &str = "\
In the dashboard: Security & SD-WAN > Configure > Client VPN
  Client VPN server    Enabled
  Authentication       RADIUS
  Add a RADIUS server
    Host               <address>
    Port               <port>
    Secret             <secret>
  Save
PAP: Meraki sends nothing else, so there is nothing to choose. The password
  travels inside the VPN's own tunnel.
Timeouts: 5 s and 3 tries, fixed; only Meraki's support can change them. So
  leave the time for the directory at 2.5 s here.
Mode here: append. The VPN clients of the systems have no second field.
Windows gives up after 30 s by itself.
Message-Authenticator: Meraki is on the list of products that BlastRADIUS
  affects. Update the firmware first; what it sends then shows at this
  client after the first login.";

const NETSCALER: &str = "\
In the CLI; the first command is one line, broken here to fit:
  add authentication radiusAction postern -serverIP <address>
      -serverPort <port> -radKey <secret>
  set authentication radiusAction postern -authTimeout 5 -authservretry 2
  set authentication radiusAction postern -passEncoding pap
  set authentication radiusAction postern -callingstationid ENABLED
  set authentication radiusAction postern -messageAuthenticator ON
  add authentication Policy postern -rule true -action postern
Then bind the policy at the Gateway's virtual server or login flow.
Timeouts: its own 3 s are too short where a directory is asked.
PAP is its default; CHAP and MS-CHAP cannot work here.
Calling-Station-Id is off by default. With it wrong codes lock one place,
  not the person everywhere.
Mode here: append where RADIUS checks password and code. Where LDAP checks
  the password before: code-only.
Message-Authenticator: ON is the default where the setting exists (13.1
  and 14.1 have it). Where it does not, update.";

const MICROSOFT: &str = "\
RRAS, in an administrator's PowerShell:
  Set-VpnAuthType -Type ExternalRadius -RadiusServer <address> `
    -RadiusPort <port> -SharedSecret <secret> `
    -RadiusTimeout 30 -MsgAuthenticator Enabled
  Then in RRAS, Properties > Security > Authentication Methods: PAP alone.
NPS as a proxy: RADIUS Clients and Servers > Remote RADIUS Server Groups
  New group, Add, address <address>
  Authentication/Accounting: port <port>, the secret
    <secret>
    and: Request must contain the message authenticator attribute
  Load Balancing: 10 s without response before a request is dropped (its
    own is 3)
  Connection Request Policies: forward to this group.
PAP goes inside the TLS of SSTP; MS-CHAPv2 and EAP cannot work here.
Timeouts: 30 s; the Windows client gives up later than that.
Mode here: append. The Windows VPN client has one password field. RD
  Gateway has no field for a code at all and cannot be used.
Message-Authenticator: off by default; both settings above switch it on.";

const OPENVPN: &str = "\
OpenVPN with openvpn-auth-radius: in /etc/openvpn/radiusplugin.cnf, within
  server { }, each on a line of its own:
    name=<address>  authport=<port>  acctport=1813  wait=5  retry=2
    sharedsecret=<secret>
  and in server.conf, as one line: plugin /usr/lib/openvpn/radiusplugin.so
    /etc/openvpn/radiusplugin.cnf
Access Server: in /usr/local/openvpn_as/scripts, each as
  ./sacli --key KEY --value VALUE ConfigPut; at the end ./sacli start
    auth.module.type                   radius
    auth.radius.0.auth_method          pap
    auth.radius.0.server.0.host        <address>
    auth.radius.0.server.0.auth_port   <port>
    auth.radius.0.server.0.secret      <secret>
PAP is what both send then. Timeouts: the plugin's own 1 s is too short.
Mode here: append, also with static-challenge in the profile. Some clients
  answer a challenge with the password again.
Renegotiation sends the old code again: set reneg-sec 0 or auth-gen-token.
Message-Authenticator: shows at this client after the first login.";

const PFSENSE: &str = "\
In the web interface: System > User Manager > Authentication Servers > Add
  Descriptive name           postern
  Type                       RADIUS
  Protocol                   PAP
  Hostname or IP address     <address>
  Shared Secret              <secret>
  Services offered           Authentication
  Authentication port        <port>
  Authentication Timeout     10
Then VPN > OpenVPN > Servers: Backend for authentication is postern.
Try it under Diagnostics > Authentication.
PAP: pfSense's own choice is MS-CHAPv2, which cannot work here.
Timeouts: left empty it waits 5 s; it tries 3 times.
Mode here: append.
Calling-Station-Id: pfSense sends none for OpenVPN. So wrong codes lock the
  person at this client as a whole, for 15 minutes.
Message-Authenticator: shows at this client after the first login.";

const MIKROTIK: &str = "\
In the terminal of RouterOS:
  /radius
  add service=ppp address=<address> timeout=5s
  set [find address=<address>] authentication-port=<port>
  set [find address=<address>] secret=<secret>
  set [find address=<address>] require-message-auth=yes-for-request-resp
  /ppp aaa set use-radius=yes
And PAP alone at the servers in use, such as:
  /interface l2tp-server server set authentication=pap
  /interface sstp-server server set authentication=pap
Timeouts: RouterOS waits 0.3 s by itself, too short for every directory.
A name in /ppp secret is checked there and never asked here.
PAP belongs into an encrypted tunnel: L2TP with IPsec, SSTP, OpenVPN.
Mode here: append. The VPN clients of the systems have no second field.
Message-Authenticator: require-message-auth is there from RouterOS 7.15 on;
  update an older one.";

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;

    const MADE: &str = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789";

    fn filled(gateway: Gateway, address: &str, secret: Option<&str>) -> Zeroizing<String> {
        settings(
            gateway,
            &Place {
                address,
                port: 1812,
                secret,
            },
        )
    }

    #[test]
    fn every_guide_fits_the_smallest_screen() {
        for gateway in Gateway::ALL {
            let text = filled(gateway, "192.0.2.7", Some(MADE));
            let lines: Vec<&str> = text.lines().collect();
            assert!((15..=20).contains(&lines.len()), "{gateway:?}: {} lines", lines.len());
            for line in lines {
                assert!(line.len() <= 76, "{gateway:?}: {line}");
                assert!(line.is_ascii(), "{gateway:?}: {line}");
            }
        }
    }

    #[test]
    fn every_guide_names_address_port_secret_pap_mode_and_message_authenticator() {
        for gateway in Gateway::ALL {
            let text = filled(gateway, "2001:db8::7", Some(MADE));
            for part in [
                "2001:db8::7",
                "1812",
                MADE,
                "PAP",
                "Timeout",
                "Mode here: ",
                "Message-Authenticator: ",
            ] {
                assert!(text.contains(part), "{gateway:?} lacks {part}");
            }
            assert!(!text.contains('<'), "{gateway:?} has a gap that nobody filled");
            let mode = match gateway.mode() {
                Mode::Challenge => "Mode here: challenge",
                Mode::Append => "Mode here: append",
                Mode::CodeOnly => "Mode here: code-only",
            };
            assert!(
                text.contains(mode),
                "{gateway:?} says another mode than the form offers"
            );
            assert_eq!(Gateway::named(gateway.name()), Some(gateway));
        }
    }

    #[test]
    fn r21_an_old_secret_is_not_invented() {
        let text = filled(Gateway::FortiGate, "192.0.2.7", None);
        assert!(text.contains("set secret SECRET\n"));
    }
}
