//! An operator at `console.sock`: speaks the console's own frames and the types of `control`, as the console does. And one of every
//! request there is.

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use postern::control::{
    Answer, ClientAdd, ClientFields, ClientSet, DirectoryLogin, EntraSet, ExportAsk, Failure, FailureKind, HardwareAsk,
    HardwareWhich, ImportBatch, LogAsk, LogFilter, LogIn, Moved, OperatorAdd, OperatorSet, PageAsk, Request, Role,
    Session, TokenAdd, TokenAssign, TokenId, TokenProgram, TotpParameters, UserAdd, UserSearch, UserSet, check, frame,
};
use postern::secret::Secret;

use crate::harness::Door;

pub const GOOD: &str = "correct horse battery";
pub const USER: &str = "anna@contoso.example";

/// A console without a screen.
pub struct Console(pub UnixStream);

impl Console {
    pub fn open(door: &Door) -> Console {
        let mut stream = UnixStream::connect(door.path().join("console.sock")).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        frame::read(&mut stream).unwrap().expect("a greeting");
        Console(stream)
    }

    pub fn send(&mut self, request: &Request) {
        self.0.write_all(&frame::encode(request).unwrap()).unwrap();
    }

    pub fn hear(&mut self) -> Result<Answer, Failure> {
        let json = frame::read(&mut self.0).unwrap().expect("the connection stands");
        frame::decode::<Result<Answer, Failure>>(&json).unwrap()
    }

    pub fn ask(&mut self, request: &Request) -> Result<Answer, Failure> {
        self.send(request);
        self.hear()
    }

    pub fn log_in(&mut self, name: &str, password: &str, code: Option<&str>) -> Result<Session, Failure> {
        let ask = LogIn {
            name: name.to_owned(),
            password: Secret::from(password),
            code: code.map(Secret::from),
            line: "ttyS0".to_owned(),
        };
        match self.ask(&Request::LogIn(ask))? {
            Answer::Session(session) => Ok(session),
            other => panic!("{other:?}"),
        }
    }

    /// The next that is told unasked, and when it came.
    pub fn moved(&mut self) -> (Moved, Instant) {
        match self.hear() {
            Ok(Answer::Moved(moved)) => (moved, Instant::now()),
            other => panic!("{other:?}"),
        }
    }
}

pub fn kind(answer: Result<Answer, Failure>) -> Option<FailureKind> {
    answer.err().map(|failure| failure.kind)
}

pub fn add(name: &str, role: Role) -> Request {
    Request::OperatorAdd(OperatorAdd {
        name: name.to_owned(),
        role,
        password: Secret::from(GOOD),
        line: "ttyS0".to_owned(),
    })
}

impl Door {
    /// An operator by the command line.
    pub fn operator(&self, name: &str, role: &str) {
        self.ok_in(&["operator", "add", name, "--role", role], &format!("{GOOD}\n"));
    }
}

/// One of every request, and the least role that may ask it; none: anybody at the socket, or what ends or begins a session.
pub fn every_request() -> Vec<(Request, Option<Role>)> {
    use Role::{Auditor, Helpdesk, Installer};
    let name = || "nobody".to_owned();
    let code = || Secret::from("123456");
    let login = || DirectoryLogin {
        user: USER.to_owned(),
        password: code(),
    };
    let log = LogAsk {
        filter: LogFilter::default(),
        after: None,
        limit: 1,
        wait_ms: 0,
    };
    let user = |password, exempt| {
        Request::UserAdd(UserAdd {
            name: "carl@contoso.example".to_owned(),
            password,
            exempt,
        })
    };
    let page = || PageAsk {
        search: String::new(),
        offset: 0,
        limit: 1,
    };
    let serial = || "8659622000001".to_owned();
    let all = vec![
        (Request::Ping, None),
        (Request::Hello, None),
        (
            Request::LogIn(LogIn {
                name: name(),
                password: code(),
                code: None,
                line: String::new(),
            }),
            None,
        ),
        (Request::Status, Some(Auditor)),
        (Request::ClientList, Some(Auditor)),
        (Request::ClientShow { name: name() }, Some(Auditor)),
        (
            Request::UserList(UserSearch {
                search: String::new(),
                offset: 0,
                limit: 1,
                without_token: false,
            }),
            Some(Auditor),
        ),
        (Request::UserShow { name: name() }, Some(Auditor)),
        (Request::TokenList { user: name() }, Some(Auditor)),
        (Request::SerialShow { serial: serial() }, Some(Auditor)),
        (Request::UnassignedList(page()), Some(Auditor)),
        (
            Request::HardwareList(HardwareAsk {
                which: HardwareWhich::All,
                page: page(),
            }),
            Some(Auditor),
        ),
        (Request::DriftList, Some(Auditor)),
        (
            Request::DriftShow {
                user: name(),
                id: TokenId(1),
            },
            Some(Auditor),
        ),
        (Request::EntraShow { domain: None }, Some(Auditor)),
        (Request::TimeShow, Some(Auditor)),
        (Request::Log(log), Some(Auditor)),
        (Request::LogVerify, Some(Auditor)),
        (Request::Explain { user: name() }, Some(Auditor)),
        (Request::Knocks, Some(Auditor)),
        (Request::Network, Some(Auditor)),
        (Request::Stay, Some(Auditor)),
        (
            Request::OperatorPassword {
                old: code(),
                new: Secret::from(GOOD),
            },
            Some(Auditor),
        ),
        (user(None, false), Some(Helpdesk)),
        (Request::UserUnlock { name: name() }, Some(Helpdesk)),
        (
            Request::UserBypass {
                name: name(),
                minutes: 5,
            },
            Some(Helpdesk),
        ),
        (
            Request::TokenAdd(TokenAdd {
                user: name(),
                seed: None,
                parameters: postern::store::records::OtpParameters::default(),
                counter: 0,
                active: false,
            }),
            Some(Helpdesk),
        ),
        (
            Request::TokenConfirm {
                user: name(),
                code: code(),
            },
            Some(Helpdesk),
        ),
        (
            Request::TokenResync {
                user: name(),
                first: code(),
                second: Secret::from("654321"),
            },
            Some(Helpdesk),
        ),
        (
            Request::TokenRemove {
                user: name(),
                id: TokenId(1),
            },
            Some(Helpdesk),
        ),
        (
            Request::TokenProgram(TokenProgram {
                user: name(),
                serial: serial(),
                model: String::new(),
                profile: None,
                parameters: TotpParameters::default(),
                replace: false,
            }),
            Some(Helpdesk),
        ),
        (
            Request::TokenWritten {
                user: name(),
                id: TokenId(1),
            },
            Some(Helpdesk),
        ),
        (
            Request::TokenClockSet {
                user: name(),
                id: TokenId(1),
            },
            Some(Helpdesk),
        ),
        (
            Request::TokenAssign(TokenAssign {
                user: name(),
                serial: serial(),
                model: None,
            }),
            Some(Helpdesk),
        ),
        (
            Request::UnassignedRemove {
                serial: serial(),
                model: None,
            },
            Some(Installer),
        ),
        (
            Request::Export(ExportAsk {
                operator: None,
                password: None,
                after: None,
            }),
            Some(Installer),
        ),
        (Request::MoltoKeySet { key: Some(code()) }, Some(Installer)),
        (user(Some(Secret::from(GOOD)), false), Some(Installer)),
        (user(None, true), Some(Installer)),
        (
            Request::ClientAdd(ClientAdd {
                name: "gate".to_owned(),
                net: check::parse_net("192.0.2.1").unwrap(),
                fields: ClientFields::default(),
            }),
            Some(Installer),
        ),
        (
            Request::ClientSet(ClientSet {
                name: name(),
                rename: None,
                net: None,
                make_secret: false,
                fields: ClientFields::default(),
            }),
            Some(Installer),
        ),
        (Request::ClientRemove { name: name() }, Some(Installer)),
        (
            Request::UserSet(UserSet {
                name: name(),
                exempt: Some(false),
                password: None,
            }),
            Some(Installer),
        ),
        (Request::UserDisable { name: name() }, Some(Installer)),
        (Request::UserEnable { name: name() }, Some(Installer)),
        (Request::UserRemove { name: name() }, Some(Installer)),
        (
            Request::ImportBatch(ImportBatch {
                rows: Vec::new(),
                dry_run: true,
                active: false,
            }),
            Some(Installer),
        ),
        (
            Request::EntraSet(EntraSet {
                domain: "contoso.example".to_owned(),
                ..EntraSet::default()
            }),
            Some(Installer),
        ),
        (Request::EntraProve(login()), Some(Installer)),
        (Request::EntraTest(login()), Some(Installer)),
        (Request::EntraRemove { domain: name() }, Some(Installer)),
        (Request::TimeConfirm, Some(Installer)),
        (add("nobody.else", Auditor), Some(Installer)),
        (Request::OperatorList, Some(Installer)),
        (
            Request::OperatorSet(OperatorSet {
                name: name(),
                role: Some(Auditor),
                enabled: None,
                password: None,
            }),
            Some(Installer),
        ),
        (Request::OperatorUnlock { name: name() }, Some(Installer)),
        (Request::OperatorRemove { name: name() }, Some(Installer)),
        (Request::OperatorTokenAdd { name: name() }, Some(Installer)),
        (
            Request::OperatorTokenConfirm {
                name: name(),
                code: code(),
            },
            Some(Installer),
        ),
        (Request::OperatorTokenRemove { name: name() }, Some(Installer)),
        (Request::Watch, Some(Auditor)),
        (Request::LogOut, Some(Auditor)),
    ];
    // A new request is missed here until somebody says who may ask it.
    let words: std::collections::BTreeSet<&str> = all.iter().map(|(request, _)| request.word()).collect();
    assert_eq!(words.len(), 59, "{words:?}");
    all
}
