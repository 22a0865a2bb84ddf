//! The machine, asked from the command line through posternd and postern-host (R24): the three programs as they are built, and the
//! real nft.

use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::apart::{Apart, Inside};
use crate::harness::{Door, run};
use crate::lab::QUICK;
use crate::packet::ACCEPT;

/// Packets of a flood: as many as a socket holds.
const FLOOD: usize = 200;

fn firewall(clients: &[(&str, u8)]) -> serde_json::Value {
    let nets = clients
        .iter()
        .map(|(address, length)| json!({"address": address, "length": length}));
    json!({"firewall": {"ports": [1812], "clients": nets.collect::<Vec<_>>()}})
}

/// A socket in the box that takes what comes.
fn listen(inside: &Inside, port: u16) -> UdpSocket {
    let socket = inside.act(move || UdpSocket::bind(("::", port)).unwrap());
    socket.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    socket
}

/// Sends the flood from one of the neighbour's addresses, and counts what came.
fn flood(apart: &Apart, socket: &UdpSocket, from: &'static str, port: u16) -> usize {
    let to: IpAddr = if from.contains(':') { "fd77::1" } else { "10.77.0.1" }
        .parse()
        .unwrap();
    apart.neighbour.act(move || {
        let sender = UdpSocket::bind((from, 0)).unwrap();
        for _ in 0..FLOOD {
            sender.send_to(b"knock", SocketAddr::new(to, port)).unwrap();
        }
    });
    let mut buffer = [0; 64];
    let mut count = 0;
    while let Ok((_, source)) = socket.recv_from(&mut buffer) {
        assert_eq!(source.ip().to_canonical(), from.parse::<IpAddr>().unwrap());
        count += 1;
    }
    count
}

#[test]
fn r24_the_firewall_lets_clients_in_and_20_packets_a_second_of_others() {
    let apart = Apart::start();
    let radius = listen(&apart.inside, 1812);
    let other = listen(&apart.inside, 5000);
    let both = [("10.77.0.2", 32), ("fd77::2", 128)];
    assert!(apart.ask(&firewall(&both))["Ok"].is_object(), "{}", apart.helper.said());
    // Clients: each packet.
    for from in ["10.77.0.2", "fd77::2"] {
        assert_eq!(flood(&apart, &radius, from, 1812), FLOOD, "{from}");
    }
    // Others share one allowance: what IPv4 has used up IPv6 has not.
    let begun = Instant::now();
    let strangers = flood(&apart, &radius, "10.77.0.3", 1812) + flood(&apart, &radius, "fd77::3", 1812);
    let most = 22 + 20 * usize::try_from(begun.elapsed().as_millis()).unwrap() / 1000;
    assert!((20..=most).contains(&strangers), "{strangers} of {most}");
    // Nothing remembers a flood: connections of RADIUS are not tracked.
    let tracked = apart.inside.sh("cat /proc/sys/net/netfilter/nf_conntrack_count");
    assert!(tracked.trim().parse::<u32>().unwrap() <= 4, "{tracked}");
    // Other ports, and TCP at the same one: nobody, clients included.
    assert_eq!(flood(&apart, &other, "10.77.0.2", 5000), 0);
    let listener = apart.inside.act(|| std::net::TcpListener::bind(("::", 1812)).unwrap());
    let refused = apart.neighbour.act(|| {
        let to = SocketAddr::from(([10, 77, 0, 1], 1812));
        TcpStream::connect_timeout(&to, Duration::from_millis(500)).map(drop)
    });
    assert!(refused.is_err());
    drop(listener);
    // Answers go out, and what the box itself asks is answered.
    let (heard, answered) = (
        apart.neighbour.act(|| UdpSocket::bind("10.77.0.2:7000").unwrap()),
        apart.inside.act(|| UdpSocket::bind("10.77.0.1:0").unwrap()),
    );
    let mut buffer = [0; 64];
    for socket in [&heard, &answered] {
        socket.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    }
    radius.send_to(b"answer", "[::ffff:10.77.0.2]:7000").unwrap();
    assert_eq!(heard.recv_from(&mut buffer).unwrap().1.port(), 1812);
    answered.send_to(b"question", "10.77.0.2:7000").unwrap();
    let (_, back) = heard.recv_from(&mut buffer).unwrap();
    heard.send_to(b"answer", back).unwrap();
    answered.recv_from(&mut buffer).unwrap();
    // A client that is removed is a stranger at once, although it sent a moment ago.
    assert!(apart.ask(&firewall(&[]))["Ok"].is_object());
    let begun = Instant::now();
    let removed = flood(&apart, &radius, "10.77.0.2", 1812) + flood(&apart, &radius, "fd77::2", 1812);
    let most = 22 + 20 * usize::try_from(begun.elapsed().as_millis()).unwrap() / 1000;
    assert!(removed <= most, "{removed} of {most}");
    // Everybody can be a client.
    assert!(apart.ask(&firewall(&[("0.0.0.0", 0), ("::", 0), ("10.77.0.0", 24)]))["Ok"].is_object());
    for from in ["10.77.0.3", "fd77::3"] {
        assert_eq!(flood(&apart, &radius, from, 1812), FLOOD, "{from}");
    }
}

#[test]
fn r24_the_firewall_follows_the_clients_of_posternd() {
    let apart = Apart::start();
    let door = apart.inside.act(|| Door::open_on("::", &[]));
    let holds = |address: &str| {
        let begun = Instant::now();
        let address = address.to_owned();
        while begun.elapsed() < Duration::from_secs(5) {
            if apart
                .inside
                .sh("nft list table inet postern 2> /dev/null || true")
                .contains(&address)
            {
                return true;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        false
    };
    assert!(holds(&door.auth.port().to_string()), "the ports that are listened on");
    let settings = [["--mode", "code-only"].as_slice(), &QUICK].concat();
    let mut nas = door.client("vpn", "10.77.0.2", &settings);
    assert!(holds("10.77.0.2"), "{}", apart.helper.said());
    let token = door.enrolled("anna@contoso.example");
    nas.server = SocketAddr::from(([10, 77, 0, 1], door.auth.port()));
    nas.source = "10.77.0.2".parse().unwrap();
    let code = token.code();
    let verdict = apart.neighbour.act(move || nas.login("anna@contoso.example", &code));
    assert_eq!(verdict, ACCEPT);
    door.ok(&["client", "set", "vpn", "--address", "10.77.0.128/25"]);
    assert!(holds("10.77.0.128"));
    door.ok(&["client", "remove", "vpn"]);
    std::thread::sleep(Duration::from_millis(500));
    let rules = apart.inside.sh("nft list table inet postern");
    assert!(!rules.contains("10.77.0."), "{rules}");
}

#[test]
fn r24_operators_set_the_machine_and_it_is_on_record() {
    let mut apart = Apart::start();
    let door = apart.inside.act(|| Door::open_on("127.0.0.1", &[]));
    let network = |apart: &Apart| {
        apart
            .inside
            .sh("cat /run/systemd/network/10-postern-eth0.network 2> /dev/null || true")
    };
    let report = door.json(&["host", "show"]);
    assert_eq!(report["interfaces"], json!(["eth0"]), "{report}");
    apart.ran();
    // On trial, then kept.
    let set = [
        "network",
        "set",
        "eth0",
        "--address",
        "192.0.2.10/24",
        "--gateway",
        "192.0.2.1",
    ];
    let said = door.ok(&set);
    assert!(said.contains("postern network confirm"), "{said}");
    assert_eq!(apart.ran()[0], "networkctl reload");
    assert!(network(&apart).contains("Address=192.0.2.10/24"));
    door.ok(&["network", "confirm"]);
    assert!(apart.file("lib/postern-host/settings.json").contains("192.0.2.10"));
    // On trial, and the helper dies: the one before is back, and the gone trial cannot be confirmed.
    door.ok(&["network", "set", "eth0", "--dhcp"]);
    assert!(!network(&apart).contains("192.0.2.10"));
    apart.kill_and_restart();
    assert!(network(&apart).contains("Address=192.0.2.10/24"));
    let late = door.cli(&["network", "confirm"]);
    assert!(late.status == 1 && late.err.contains("on trial"), "{late:?}");
    // On trial, and taken back by word.
    door.ok(&["network", "set", "eth0", "--vlan", "10", "--dhcp"]);
    door.ok(&["network", "revert"]);
    assert!(apart.ran().contains(&"networkctl delete eth0.10".to_owned()));
    let wrong = door.cli(&["network", "set", "eth9", "--address", "203.0.113.5/24"]);
    assert!(wrong.status == 2 && wrong.err.contains("there is eth0"), "{wrong:?}");
    // Name, time, SSH.
    door.ok(&["host", "name", "box-1"]);
    assert_eq!(apart.inside.sh("hostname").trim(), "box-1");
    door.ok(&["time", "servers", "ntp.contoso.example", "--zone", "Europe/Vienna"]);
    let kept = door.json(&["time", "servers", ""]);
    assert_eq!((&kept["zone"], &kept["servers"]), (&json!("Europe/Vienna"), &json!([])));
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f anna\n";
    let said = door.ok_in(&["host", "ssh", "--add", "-"], key);
    assert!(said.contains("SHA256:"), "{said}");
    assert!(
        apart
            .inside
            .sh("nft list table inet postern")
            .contains("tcp dport 22 accept")
    );
    assert_eq!(apart.file("run/ssh/authorized_keys"), key);
    door.ok(&["host", "ssh", "--clear"]);
    assert!(!apart.inside.sh("nft list table inet postern").contains("dport 22"));
    // Power.
    apart.ran();
    door.ok(&["host", "reboot", "--yes"]);
    let begun = Instant::now();
    let mut ran = apart.ran();
    while ran.is_empty() && begun.elapsed() < Duration::from_secs(5) {
        ran = apart.ran();
    }
    assert_eq!(ran, ["systemctl --no-block reboot"]);
    let log = door.ok(&["log"]);
    for word in [
        "network set",
        "network confirm",
        "network revert",
        "host name",
        "host ssh",
        "host reboot",
    ] {
        assert!(log.contains(word), "{word}: {log}");
    }
}

#[test]
fn r24_postern_host_says_nothing_to_strangers() {
    let apart = Apart::start();
    // The file's mode is the first guard; this is about the second.
    std::fs::set_permissions(apart.socket(), std::fs::Permissions::from_mode(0o666)).unwrap();
    let folder = apart.socket().parent().unwrap().parent().unwrap().to_owned();
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).unwrap();
    let script = "import json, socket, struct, sys\n\
                  s = socket.socket(socket.AF_UNIX)\ns.connect(sys.argv[1])\n\
                  b = json.dumps({'operator': 'show'}).encode()\n\
                  try:\n    s.sendall(struct.pack('>I', len(b)) + b)\n    print(len(s.recv(9)))\n\
                  except OSError:\n    print(0)\n";
    let ask = |uid: u32| {
        let mut command = Command::new("python3");
        run(command.args(["-c", script]).arg(apart.socket()).uid(uid), "")
    };
    assert_eq!(ask(65_534).out.trim(), "0");
    assert!(apart.helper.said().contains("R24: only posternd"));
    assert_eq!(ask(0).out.trim(), "9");
}

#[test]
fn a_box_that_is_no_appliance_says_so() {
    let door = Door::open();
    let said = door.cli(&["host", "show"]);
    assert!(said.status == 1 && said.err.contains("no appliance"), "{said:?}");
}
