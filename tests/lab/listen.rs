//! Sockets of the laboratory tenant: plain, or TLS under an authority that lives as long as the process.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// Connections that may wait to be accepted.
const BACKLOG: u32 = 4096;

/// One connection of either kind.
pub use either::Either as Io;

/// Hands out connections whose handshake is done, so that a slow one holds up nobody.
pub struct Listener {
    address: SocketAddr,
    ready: mpsc::Receiver<(Io, SocketAddr)>,
}

impl axum::serve::Listener for Listener {
    type Io = Io;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Io, SocketAddr) {
        match self.ready.recv().await {
            Some(connection) => connection,
            // The accepting task never ends.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

/// Binds, and begins to accept. With TLS the authority's certificate comes back as PEM.
pub fn bind(at: SocketAddr, tls: bool) -> anyhow::Result<(Listener, Option<String>)> {
    let socket = if at.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    socket.set_reuseaddr(true)?;
    socket.bind(at)?;
    let listener = socket.listen(BACKLOG)?;
    let address = listener.local_addr()?;
    let (acceptor, pem) = if tls {
        let (acceptor, pem) = authority()?;
        (Some(acceptor), Some(pem))
    } else {
        (None, None)
    };
    let (give, ready) = mpsc::channel(1024);
    tokio::spawn(accept(listener, acceptor, give));
    Ok((Listener { address, ready }, pem))
}

async fn accept(listener: TcpListener, acceptor: Option<TlsAcceptor>, give: mpsc::Sender<(Io, SocketAddr)>) {
    loop {
        let Ok((stream, peer)) = listener.accept().await else {
            // Out of files, most likely: let some close.
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        // Where it fails, answers are a little slower.
        let _ = stream.set_nodelay(true);
        let give = give.clone();
        match &acceptor {
            None => {
                if give.send((Io::Plain(stream), peer)).await.is_err() {
                    return;
                }
            }
            Some(acceptor) => {
                let handshake = acceptor.accept(stream);
                tokio::spawn(async move {
                    if let Ok(Ok(stream)) = tokio::time::timeout(Duration::from_secs(10), handshake).await {
                        // A client that does not trust us has gone; there is nobody to tell.
                        let _ = give.send((Io::Tls(Box::new(stream)), peer)).await;
                    }
                });
            }
        }
    }
}

fn authority() -> anyhow::Result<(TlsAcceptor, String)> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, "Laboratory tenant's authority");
    let key = KeyPair::generate()?;
    let root = params.self_signed(&key)?;
    let issuer = Issuer::new(params, key);

    let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec();
    let mut params = CertificateParams::new(names)?;
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, "Laboratory tenant");
    let key = KeyPair::generate()?;
    let certificate = params.signed_by(&key, &issuer)?;

    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
        )?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok((TlsAcceptor::from(Arc::new(config)), root.pem()))
}

/// A stream that is one of two.
mod either {
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

    use super::{TcpStream, TlsStream, io};

    /// Plain or TLS.
    pub enum Either {
        /// As it came.
        Plain(TcpStream),
        /// After the handshake.
        Tls(Box<TlsStream<TcpStream>>),
    }

    impl AsyncRead for Either {
        fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            match self.get_mut() {
                Either::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
                Either::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
            }
        }
    }

    impl AsyncWrite for Either {
        fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
            match self.get_mut() {
                Either::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
                Either::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
            }
        }

        fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            match self.get_mut() {
                Either::Plain(stream) => Pin::new(stream).poll_flush(cx),
                Either::Tls(stream) => Pin::new(stream).poll_flush(cx),
            }
        }

        fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            match self.get_mut() {
                Either::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
                Either::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
            }
        }
    }
}
