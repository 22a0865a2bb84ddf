//! A release by the web: a real server on loopback, a real client, and the same checks as from a stick.

use std::io::Write;
use std::net::{TcpListener, TcpStream};

use super::*;

/// Serves a folder until the process ends; `bend` changes what is sent.
fn serve(dir: &Path, bend: impl Fn(&str, Vec<u8>) -> Vec<u8> + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (at, dir) = (listener.local_addr().unwrap(), dir.to_owned());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let _ = answer(&stream.unwrap(), &dir, &bend);
        }
    });
    format!("http://{at}/postern/0.2.0/")
}

fn answer(mut stream: &TcpStream, dir: &Path, bend: &dyn Fn(&str, Vec<u8>) -> Vec<u8>) -> std::io::Result<()> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte)? == 1 {
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let path = head.split(' ').nth(1).unwrap();
    let name = path.strip_prefix("/postern/0.2.0/").unwrap_or("none");
    let head = match std::fs::read(dir.join(name)) {
        Ok(bytes) => {
            let bytes = bend(name, bytes);
            stream.write_all(
                format!(
                    "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                    bytes.len()
                )
                .as_bytes(),
            )?;
            return stream.write_all(&bytes);
        }
        Err(_) => "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_owned(),
    };
    stream.write_all(head.as_bytes())
}

fn fetched(fake: &Arc<Fake>, url: &str) -> UpdateStage {
    let updates = Updates::new(Arc::clone(fake) as Arc<dyn Machine>);
    updates.fetch(&UpdateSource::Url { url: url.to_owned() }).unwrap();
    updates.wait();
    updates.show().stage
}

fn why(stage: UpdateStage) -> String {
    match stage {
        UpdateStage::Failed { why } => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_release_is_fetched_from_a_web_server() {
    let fake = a_box();
    let dir = fake.path("/www");
    Release::new("0.2.0").write(&dir);
    let url = serve(&dir, |_, bytes| bytes);
    assert_eq!(
        fetched(&fake, &url),
        UpdateStage::Ready {
            version: "0.2.0".to_owned(),
            notes: Vec::new()
        }
    );
    assert!(staging(&fake).ready(&keys(&fake)).unwrap().is_some());
    // A folder that holds none.
    let stage = fetched(&fake, &url.replace("0.2.0", "0.9.0"));
    assert!(why(stage).contains("the server answered 404"));
}

#[test]
fn a_server_that_lies_gives_nothing() {
    let dir = tempfile::tempdir().unwrap();
    Release::new("0.2.0").write(dir.path());
    type Bend = fn(&str, Vec<u8>) -> Vec<u8>;
    let lies: [(Bend, &str); 4] = [
        (
            |name, bytes| if name == MANIFEST { vec![b'x'; 100_000] } else { bytes },
            "too large to be one",
        ),
        (
            |name, bytes| if name == SIGNATURE { vec![0; 64] } else { bytes },
            "not signed",
        ),
        (
            |name, mut bytes| {
                if name.contains("root") {
                    bytes.push(0);
                    bytes
                } else {
                    bytes
                }
            },
            "not what was signed",
        ),
        // A file without an end: no byte more than was signed is kept.
        (
            |name, bytes| if name.contains("efi") { vec![7; 50 << 20] } else { bytes },
            "not what was signed",
        ),
    ];
    for (bend, words) in lies {
        let fake = a_box();
        let url = serve(dir.path(), bend);
        let why = why(fetched(&fake, &url));
        assert!(why.contains(words) && !why.contains('\n'), "{why}");
        assert!(!staging(&fake).release().exists());
    }
    // Nobody there, and a redirect that is not followed.
    let fake = a_box();
    assert!(why(fetched(&fake, "http://127.0.0.1:1/a")).contains("cannot be fetched"));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/a", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let mut stream = listener.incoming().next().unwrap().unwrap();
        let _ = stream.read(&mut [0; 1024]);
        let _ = stream.write_all(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n");
    });
    assert!(why(fetched(&fake, &url)).contains("give the address it leads to"));
}
