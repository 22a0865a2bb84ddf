//! SM4 as the maker's notes use it: bodies in ECB, a MAC of four bytes, a padding that is always there. Over the bare block cipher.

use sm4::Sm4;
use sm4::cipher::generic_array::GenericArray;
use sm4::cipher::{BlockDecrypt, BlockEncrypt, KeyInit};

const BLOCK: usize = 16;

/// A token's key.
pub type Key = [u8; BLOCK];

/// Encrypts whole blocks, each for itself.
pub fn encrypt(key: &Key, plain: &[u8]) -> Vec<u8> {
    each(plain, |block| {
        Sm4::new(key.into()).encrypt_block(GenericArray::from_mut_slice(block))
    })
}

/// The way back.
pub fn decrypt(key: &Key, body: &[u8]) -> Vec<u8> {
    each(body, |block| {
        Sm4::new(key.into()).decrypt_block(GenericArray::from_mut_slice(block))
    })
}

fn each(bytes: &[u8], work: impl Fn(&mut [u8])) -> Vec<u8> {
    assert_eq!(bytes.len() % BLOCK, 0, "whole blocks only");
    let mut bytes = bytes.to_vec();
    bytes.chunks_mut(BLOCK).for_each(work);
    bytes
}

/// The MAC of a command that travels as `84 ins p1 p2`: over the class byte 80 and a length without the MAC.
pub fn mac(key: &Key, ins: u8, p1: u8, p2: u8, body: &[u8]) -> [u8; 4] {
    let mut text = vec![0x80, ins, p1, p2, u8::try_from(body.len()).unwrap()];
    text.extend(body);
    if text.len() % BLOCK != 0 {
        text.push(0x80);
        text.resize(text.len().next_multiple_of(BLOCK), 0);
    }
    let mut chain = [0; BLOCK];
    for block in text.chunks(BLOCK) {
        chain.iter_mut().zip(block).for_each(|(c, b)| *c ^= b);
        chain = encrypt(key, &chain).try_into().unwrap();
    }
    chain[..4].try_into().unwrap()
}

/// What stands before the padding 80 00 .. 00; nothing where there is none.
pub fn unpadded(bytes: &[u8]) -> Option<&[u8]> {
    let end = bytes.iter().rposition(|&byte| byte != 0)?;
    (bytes[end] == 0x80).then(|| &bytes[..end])
}

/// With the padding, which is never left out.
pub fn padded(bytes: &[u8]) -> Vec<u8> {
    let mut out = bytes.to_vec();
    out.push(0x80);
    out.resize(out.len().next_multiple_of(BLOCK), 0);
    out
}

/// A whole command with body and MAC, as a programmer would send it: for the simulators' own tests.
pub fn signed(key: &Key, ins: u8, p1: u8, p2: u8, body: &[u8]) -> Vec<u8> {
    let mac = mac(key, ins, p1, p2, body);
    let length = u8::try_from(body.len() + mac.len()).unwrap();
    [&[0x84, ins, p1, p2, length], body, &mac].concat()
}

/// `80 ..` without data is as short as its four bytes and the length; with data, the length must fit. The parts: class to P2, data.
pub fn split(command: &[u8]) -> Option<([u8; 4], &[u8])> {
    let (head, rest) = command.split_first_chunk::<4>()?;
    let (&length, data) = rest.split_first()?;
    (data.len() == usize::from(length)).then_some((*head, data))
}

/// The body of a command that travels as `84 ..`, when its MAC is right.
pub fn opened<'a>(key: &Key, head: [u8; 4], data: &'a [u8]) -> Option<&'a [u8]> {
    let (body, its) = data.split_last_chunk::<4>()?;
    (mac(key, head[1], head[2], head[3], body) == *its).then_some(body)
}
