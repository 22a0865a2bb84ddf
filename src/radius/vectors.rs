//! Known packets: those printed in RFC 2865 section 7 and RFC 5997 section 6, and some that FreeRADIUS's radclient 3.2.1 sent.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use crate::secret::Secret;
use ::radius::core::{code::Code, packet::Packet as TheirPacket};

fn secret() -> SharedSecret {
    SharedSecret::new(&Secret::from("xyzzy5461"))
}

fn other() -> SharedSecret {
    SharedSecret::new(&Secret::from("xyzzy5462"))
}

fn hex(text: &str) -> Vec<u8> {
    let packed: String = text.split_whitespace().collect();
    data_encoding::HEXLOWER.decode(packed.as_bytes()).unwrap()
}

fn password(packet: &Packet<'_>) -> String {
    let Credential::Pap(value) = Credential::of(packet) else {
        panic!("it is PAP")
    };
    let secret = decode_user_password(value, packet.authenticator(), &secret()).unwrap();
    secret.expose_str().unwrap().to_owned()
}

const NEMO: &str = "01 00 00 38 0f 40 3f 94 73 97 80 57 bd 83 d5 cb 98 f4 22 7a 01 06 6e 65 6d 6f 02 12 0d be 70 8d
    93 d4 13 ce 31 96 e4 3f 78 2a 0a ee 04 06 c0 a8 01 10 05 06 00 00 00 03";
const NEMO_ACCEPT: &str =
    "02 00 00 26 86 fe 22 0e 76 24 ba 2a 10 05 f6 bf 9b 55 e0 b2 06 06 00 00 00 01 0f 06 00 00 00 00
    0e 06 c0 a8 01 03";

#[test]
fn rfc2865_7_1_user_telnet_request() {
    let bytes = hex(NEMO);
    let packet = Packet::parse(&bytes).unwrap();
    assert_eq!((packet.code(), packet.identifier()), (kinds::ACCESS_REQUEST, 0));
    assert_eq!(packet.first(kinds::USER_NAME), Some(&b"nemo"[..]));
    assert_eq!(password(&packet), "arctangent");
    assert_eq!(packet.first(kinds::NAS_IP_ADDRESS), Some(&[192, 168, 1, 16][..]));
    assert_eq!(packet.first_u32(kinds::NAS_PORT), Some(3));
    assert_eq!(message_authenticator(&packet, &secret()), MessageAuthenticator::Absent);

    let ours = Request::access_without_message_authenticator(0, *packet.authenticator())
        .attribute(kinds::USER_NAME, b"nemo")
        .user_password(b"arctangent", &secret())
        .attribute(kinds::NAS_IP_ADDRESS, &[192, 168, 1, 16])
        .number(kinds::NAS_PORT, 3)
        .sign(&secret())
        .unwrap();
    assert_eq!(ours, bytes);
}

#[test]
fn rfc2865_7_1_response_authenticator() {
    let request = hex(NEMO);
    let asked = Packet::parse(&request).unwrap().authenticator();
    let reply = hex(NEMO_ACCEPT);
    assert_eq!(verify_reply(&reply, asked, &secret()), Ok(MessageAuthenticator::Absent));
    assert_eq!(verify_reply(&reply, asked, &other()), Err(ReplyFault::Authenticator));
}

#[test]
fn rfc2865_7_2_framed_user_with_chap() {
    let request = hex(
        "01 01 00 47 2a ee 86 f0 8d 0d 55 96 9c a5 97 8e 0d 33 67 a2 01 08 66 6c 6f 70 73 79 03 13 16 e9 75 57 c3 16 18 58 95 f2
         93 ff 63 44 07 72 75 04 06 c0 a8 01 10 05 06 00 00 00 14 06 06 00 00 00 02 07 06 00 00 00 01",
    );
    let packet = Packet::parse(&request).unwrap();
    assert_eq!(packet.first(kinds::USER_NAME), Some(&b"flopsy"[..]));
    assert_eq!(Credential::of(&packet), Credential::Chap);
    let reply = hex(
        "02 01 00 38 15 ef bc 7d ab 26 cf a3 dc 34 d9 c0 3c 86 01 a4 06 06 00 00 00 02 07 06 00 00 00 01 08 06 ff ff ff fe 0a 06
         00 00 00 02 0d 06 00 00 00 01 0c 06 00 00 05 dc",
    );
    assert_eq!(
        verify_reply(&reply, packet.authenticator(), &secret()),
        Ok(MessageAuthenticator::Absent)
    );
}

#[test]
fn rfc2865_7_3_challenge_and_its_answer() {
    let first = hex(
        "01 02 00 39 f3 a4 7a 1f 6a 6d 76 71 0b 94 7a b9 30 41 a0 39 01 07 6d 6f 70 73 79 02 12 33 65 75 73 77 82 89 b5 70 88 5e
         15 08 48 25 c5 04 06 c0 a8 01 10 05 06 00 00 00 07",
    );
    let asked = Packet::parse(&first).unwrap();
    assert_eq!(password(&asked), "challenge");
    let challenge = hex(
        "0b 02 00 4e 36 f3 c8 76 4a e8 c7 11 57 40 3c 0c 71 ff 9c 45 12 30 43 68 61 6c 6c 65 6e 67 65 20 33 32 37 36 39 34 33 30
         2e 20 20 45 6e 74 65 72 20 72 65 73 70 6f 6e 73 65 20 61 74 20 70 72 6f 6d 70 74 2e 18 0a 33 32 37 36 39 34 33 30",
    );
    assert!(verify_reply(&challenge, asked.authenticator(), &secret()).is_ok());
    let challenge = Packet::parse(&challenge).unwrap();
    assert_eq!(challenge.code(), kinds::ACCESS_CHALLENGE);
    assert_eq!(challenge.first(kinds::STATE), Some(&b"32769430"[..]));

    // The answer as the RFC prints it has State with a length of 16, six too many (an erratum): it is malformed.
    let printed = hex(
        "01 03 00 43 b1 22 55 6d 42 8a 13 d0 d6 25 38 07 c4 57 ec f0 01 07 6d 6f 70 73 79 02 12 69 2c 1f 20 5f c0 81 b9 19 b9 51
         95 f5 61 a5 81 04 06 c0 a8 01 10 05 06 00 00 00 07 18 10 33 32 37 36 39 34 33 30",
    );
    assert_eq!(Packet::parse(&printed).unwrap_err(), Malformed::AttributeOverrun);
    let mut answer = printed;
    answer[58] = 10;
    let answer = Packet::parse(&answer).unwrap();
    assert_eq!(password(&answer), "99101462");
    let reject = hex("03 03 00 14 a4 2f 4f ca 45 91 6c 4e 09 c8 34 0f 9e 74 6a a0");
    assert!(verify_reply(&reject, answer.authenticator(), &secret()).is_ok());
}

#[test]
fn rfc5997_6_1_status_server() {
    let bytes = hex(
        "0c da 00 26 8a 54 f4 68 6f b3 94 c5 28 66 e3 02 18 5d 06 23 50 12 5a 66 5e 2e 1e 84 11 f3 e2 43 82 20 97 c8 4f a3",
    );
    let packet = Packet::parse(&bytes).unwrap();
    assert_eq!(message_authenticator(&packet, &secret()), MessageAuthenticator::Valid);
    assert_eq!(message_authenticator(&packet, &other()), MessageAuthenticator::Invalid);
    assert_eq!(
        Request::status_server(0xda, *packet.authenticator())
            .sign(&secret())
            .unwrap(),
        bytes
    );
    let reply = hex("02 da 00 14 ef 0d 55 2a 4b f2 d6 93 ec 2b 6f e8 b5 41 1d 66");
    assert_eq!(
        verify_reply(&reply, packet.authenticator(), &secret()),
        Ok(MessageAuthenticator::Absent)
    );
}

#[test]
fn rfc5997_6_2_status_server_to_accounting() {
    let bytes = hex(
        "0c b3 00 26 92 5f 6b 66 dd 5f ed 57 1f cb 1d b7 ad 38 82 60 50 12 e8 d6 ea bd a9 10 87 5c d9 1f da de 26 36 78 58",
    );
    let packet = Packet::parse(&bytes).unwrap();
    assert_eq!(message_authenticator(&packet, &secret()), MessageAuthenticator::Valid);
}

#[test]
fn rfc3579_3_2_radclient_access_request() {
    let bytes = hex(
        "01c00063f20ce33d5366747602a04438dafbe2a50116616e6e6140636f6e746f736f2e6578616d706c6502228152431b1bcc47dd5d5a4fd15512a050
         6c3c0be5e667ee298f8a6ec12a6544c95012ffb59a194e14d26cf9332a7de74bf8d3200576706e",
    );
    let packet = Packet::parse(&bytes).unwrap();
    assert_eq!(message_authenticator(&packet, &secret()), MessageAuthenticator::Valid);
    assert_eq!(message_authenticator(&packet, &other()), MessageAuthenticator::Invalid);
    assert_eq!(password(&packet), "correct horse493021");
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 0x40;
        let verdict = Packet::parse(&changed).map(|packet| message_authenticator(&packet, &secret()));
        assert_ne!(verdict, Ok(MessageAuthenticator::Valid), "byte {at}");
    }
}

#[test]
fn rfc2866_3_radclient_accounting_requests() {
    let with = hex(
        "04130048196bffb9ca4a41db83daf636854deac90116616e6e6140636f6e746f736f2e6578616d706c652806000000012c06303030315012dcf8b751
         fcad110ad44327beebc7a69e",
    );
    let without = hex(
        "047200363835d086c73bf7769a7414ad4105b6e10116616e6e6140636f6e746f736f2e6578616d706c652806000000022c0630303031",
    );
    for (bytes, expected, status) in [
        (with, MessageAuthenticator::Valid, kinds::ACCT_START),
        (without, MessageAuthenticator::Absent, kinds::ACCT_STOP),
    ] {
        let packet = Packet::parse(&bytes).unwrap();
        assert!(accounting_authenticator_valid(&packet, &secret()));
        assert!(!accounting_authenticator_valid(&packet, &other()));
        assert_eq!(message_authenticator(&packet, &secret()), expected);
        assert_eq!(packet.first_u32(kinds::ACCT_STATUS_TYPE), Some(status));
        assert!(TheirPacket::is_authentic_request(&bytes, b"xyzzy5461"));
    }
}

#[test]
fn rfc2866_3_our_accounting_requests_verify() {
    for request in [
        Request::accounting(4),
        Request::accounting_with_message_authenticator(4),
    ] {
        let bytes = request
            .number(kinds::ACCT_STATUS_TYPE, kinds::ACCT_STOP)
            .sign(&secret())
            .unwrap();
        let packet = Packet::parse(&bytes).unwrap();
        assert!(accounting_authenticator_valid(&packet, &secret()));
        assert_ne!(message_authenticator(&packet, &secret()), MessageAuthenticator::Invalid);
        assert!(TheirPacket::is_authentic_request(&bytes, b"xyzzy5461"));
        let reply = Reply::to(kinds::ACCOUNTING_RESPONSE, &packet).sign(&secret()).unwrap();
        assert!(TheirPacket::is_authentic_response(&reply, &bytes, b"xyzzy5461"));
    }
}

#[test]
fn r6_a_message_authenticator_of_a_wrong_length_is_invalid() {
    for length in [0_usize, 1, 15, 17, 253] {
        let bytes = Request::access_without_message_authenticator(1, [1; 16])
            .attribute(kinds::MESSAGE_AUTHENTICATOR, &vec![0; length])
            .sign(&secret())
            .unwrap();
        let packet = Packet::parse(&bytes).unwrap();
        assert_eq!(
            message_authenticator(&packet, &secret()),
            MessageAuthenticator::Invalid,
            "{length} bytes"
        );
    }
}

#[test]
fn r6_our_requests_carry_it_first_and_the_radius_crate_reads_them() {
    let bytes = Request::access(5, [6; 16])
        .attribute(kinds::USER_NAME, b"anna@contoso.example")
        .user_password(b"correct horse", &secret())
        .sign(&secret())
        .unwrap();
    let packet = Packet::parse(&bytes).unwrap();
    assert_eq!(packet.attributes().next().unwrap().kind, kinds::MESSAGE_AUTHENTICATOR);
    assert_eq!(message_authenticator(&packet, &secret()), MessageAuthenticator::Valid);
    let theirs = TheirPacket::decode(&bytes, b"xyzzy5461").unwrap();
    assert_eq!(theirs.get_code(), Code::AccessRequest);
    let found = theirs.lookup(kinds::USER_PASSWORD).unwrap();
    assert_eq!(
        found.encode_user_password(b"xyzzy5461", &[6; 16]).unwrap(),
        b"correct horse"
    );
}

#[test]
fn too_long_passwords_and_values_are_errors() {
    let long = Request::access(1, [0; 16]).user_password(&[b'a'; 129], &secret());
    assert_eq!(long.sign(&secret()), Err(BuildError::PasswordTooLong));
    let long = Request::access(1, [0; 16]).attribute(kinds::USER_NAME, &[b'a'; 254]);
    assert_eq!(long.sign(&secret()), Err(BuildError::ValueTooLong(kinds::USER_NAME)));
}
