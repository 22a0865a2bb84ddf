//! The parts of docs/console.md, in the order in which somebody meets them.

use super::Part;

/// The parts in the order in which somebody meets them.
pub(super) const ORDER: &[Part] = &[
    (
        "Before the first screen",
        &[
            (
                "waiting",
                "The console starts before posternd answers, says so, and goes on by itself.",
            ),
            (
                "waiting-trouble",
                "Where posternd cannot start, what is wrong and what to do stands there.",
            ),
            (
                "login",
                "An operator logs in by name and password, and by a code where the operator has a token.",
            ),
            ("login-locked", "What is wrong stands below the form; the name stays."),
            (
                "login-idle",
                "Without a key for five minutes a line locks itself and is wiped.",
            ),
            (
                "login-clock",
                "While the clock is not trusted no code can be checked: a login leads to the clock alone.",
            ),
            ("clock-untrusted", "The clock, why it is not trusted, and what to do."),
            ("clock-confirm", "An installer has compared the clock with a watch."),
            ("clock-trusted", "Afterwards one logs in again, with a code."),
        ],
    ),
    (
        "The set-up of a new box",
        &[
            (
                "first-1-operator",
                "A box without operators asks for the first one: none is there by default.",
            ),
            ("first-1-operator-weak", "The password is judged as it is typed."),
            ("first-1-operator-good", "A good one."),
            (
                "first-2-line",
                "What this line can show, and whether the keyboard is the right one.",
            ),
            ("first-2-line-keyboard", "The keyboard is tried."),
            ("first-3-clock", "The clock."),
            (
                "first-3-clock-not-trusted",
                "A clock that is not trusted is compared with a watch.",
            ),
            (
                "first-3-clock-appliance",
                "On an appliance zone, time servers and clock are set from here.",
            ),
            ("first-4-network", "How the box stands on the network."),
            (
                "first-4-network-appliance",
                "On an appliance the network is set from here.",
            ),
            (
                "first-5-entra",
                "Where the tenant ID and the client ID are found in the portal.",
            ),
            ("first-5-entra-off", "A tenant that is not proven yet."),
            ("first-5-entra-proven", "A tenant that is proven."),
            ("first-6-client", "The first gateway."),
            ("first-6-client-there", "A gateway that is there already."),
            ("first-7-user", "The first user, with a token."),
            (
                "first-7-user-local",
                "A user of no directory gets a password on the box.",
            ),
            ("first-7-user-there", "A user who is there already."),
            (
                "first-8-login",
                "Waiting for the first login: what arrives is shown as it arrives.",
            ),
            (
                "first-8-login-no-client",
                "A gateway that the box does not know: one key adds it.",
            ),
            ("first-8-login-full", "What is wrong with what arrives, and what to do."),
            ("first-8-login-let-in", "The first login that was let in."),
            ("first-9-done", "The end of the set-up."),
        ],
    ),
    (
        "The first screen",
        &[
            (
                "home",
                "Whether the box answers, what can be done, and how things stand.",
            ),
            (
                "home-not-answering",
                "Not answering, with the reason and what to do; alarms stand below.",
            ),
            ("home-helpdesk", "The helpdesk is offered what it may do."),
            (
                "home-on-trial",
                "A new network or a new version that is still on trial is said here.",
            ),
            ("home-new", "A box that is new: the set-up is offered until it is done."),
            ("alarms", "All alarms, the gravest first."),
            ("help", "`?` or F1 explains every screen."),
        ],
    ),
    (
        "Users",
        &[
            ("users", "The users; the list follows what is typed."),
            ("users-100000", "Among many users a few letters are enough."),
            ("users-long", "Long names are cut with a tilde."),
            ("users-empty", "A box without users."),
            ("users-not-found", "A name that is not there can still be asked about."),
            ("user", "One user: state, tokens, locks, and what can be done."),
            ("user-new", "A user without a token."),
            ("user-busy", "A user about whom there is much to say."),
            ("user-hardware", "Hardware tokens that wait say for what."),
            ("user-locked", "A locked user: u unlocks."),
            ("user-auditor", "An auditor looks, and is offered nothing else."),
            ("user-exempt", "What an exemption means is said before it is made."),
            ("user-remove-token", "Which token is removed."),
            ("local-password", "A password on the box, for users of no directory."),
            ("confirm", "What has consequences asks first."),
            ("confirm-strong", "What cannot be undone asks for a word."),
        ],
    ),
    (
        "Tokens",
        &[
            ("users-enrol", "Enrol: a name, then Enter."),
            (
                "users-enrol-new",
                "Somebody who is not on the box yet is made on the way.",
            ),
            (
                "enrol",
                "The key of a new token, and the first code; a line with Unicode shows a QR code.",
            ),
            ("enrol-large", "On a larger window the QR code stands beside the words."),
            ("enrol-special", "Another kind of token says what the app must be told."),
            ("enrol-wrong", "A wrong first code, and why."),
            ("enrol-failed", "A token that could not be made."),
            (
                "enrol-leave",
                "Leaving before the first code: what becomes of the token.",
            ),
            ("token-kind", "Another hash, length or time."),
            ("confirm-token", "The first code of a token that waits for it."),
            ("resync", "Two codes set a token right whose clock is far off."),
            (
                "bypass-minutes",
                "A bypass code stands in for a lost token, for some minutes.",
            ),
            ("bypass", "It is shown once."),
            (
                "bypass-refused",
                "Where there is nothing to stand in for, the box says so.",
            ),
        ],
    ),
    (
        "Hardware tokens",
        &[
            (
                "program-place",
                "A hardware token is programmed: it is placed on the reader.",
            ),
            ("program", "Which token it is, who has it, and what Enter will do."),
            ("program-writing", "The key goes to the token, step by step."),
            (
                "program-code",
                "Then the code that the token shows is typed: without it, it does not count.",
            ),
            ("program-code-wrong", "A wrong code, and why."),
            ("program-done", "Who has what; what the token was before is gone."),
            ("program-no-reader", "No reader."),
            (
                "program-ports",
                "A reader that no rule marks is chosen by hand; trouble with another is said.",
            ),
            ("program-unfit", "What cannot be programmed says why."),
            ("program-clock", "While the clock is not trusted nothing is programmed."),
            ("program-reused", "A token that somebody has asks for a word."),
            (
                "program-molto",
                "A token with many profiles: the first free one is meant.",
            ),
            (
                "program-trouble",
                "A token that was taken away in the middle is programmed again, with another key.",
            ),
            ("program-resume", "A token that was written before only needs its code."),
            (
                "program-many",
                "Many users in one run: everybody without a token, or those who were marked.",
            ),
            (
                "program-many-next",
                "The token that was just given out is given to nobody else.",
            ),
            (
                "program-summary",
                "At the end a table says who has which; it can be written to a stick.",
            ),
            (
                "users-program",
                "Users are marked with Space, or all without a token are taken with F2.",
            ),
            ("tokens", "All that concerns hardware tokens, with what waits."),
            ("tokens-auditor", "An auditor looks."),
            ("tokens-hardware", "Who has which."),
            (
                "tokens-waiting",
                "What was begun and does not count yet is taken up where it stands.",
            ),
            ("tokens-drawer", "Makers' tokens that nobody has yet."),
            ("tokens-serial", "A serial number, typed or scanned: who has it."),
            ("tokens-serial-none", "A number that nobody knows."),
            ("tokens-clocks", "Tokens whose clocks leave the window within 60 days."),
            ("tokens-clock-history", "How one clock went, login by login."),
            (
                "token-clock",
                "A clock is set and the key stays, where the token allows it.",
            ),
            ("token-clock-lost", "Where it does not, the token is programmed anew."),
            ("molto-key", "The customer key of this house's Molto-2 tokens."),
        ],
    ),
    (
        "Why",
        &[
            (
                "why",
                "Why a user got in, or did not: the last attempts in plain words, with what to do.",
            ),
            ("why-failed", "A name that cannot be looked up."),
            (
                "why-unknown",
                "Somebody who is not on the box, or is spelled otherwise.",
            ),
        ],
    ),
    (
        "The log",
        &[
            ("log", "All logins and changes, newest first."),
            ("log-full", "Page by page."),
            ("log-filter", "One user's, or one client's."),
            ("log-entry", "One record in full."),
            ("log-empty", "Nothing yet."),
        ],
    ),
    (
        "Clients",
        &[
            ("clients", "The gateways that may ask, and how each does."),
            ("clients-none", "None yet."),
            ("clients-auditor", "As an auditor sees them."),
            ("client", "One client: its settings, and what it was seen to send."),
            (
                "client-trouble",
                "What is wrong with what it sends, and how to set it right.",
            ),
            ("client-changed", "The same in other words for other gateways."),
            ("client-form-first", "The first client, in a few fields."),
            ("client-form", "A client with all its settings."),
            ("client-form-more", "The rest of them."),
            ("client-form-wrong", "Wrong input is told at its field."),
            ("client-secret", "The shared secret, shown once in groups."),
            ("client-secret-new", "A new secret makes the old one void."),
            ("client-guide-choice", "What to type at the gateway, for eight of them."),
            ("client-guide-fortigate", "FortiGate."),
            ("client-guide-cisco-asa", "Cisco ASA."),
            ("client-guide-cisco-meraki", "Cisco Meraki."),
            ("client-guide-citrix-netscaler", "Citrix NetScaler."),
            ("client-guide-microsoft-rras-nps", "Microsoft RRAS and NPS."),
            ("client-guide-openvpn", "OpenVPN."),
            ("client-guide-pfsense", "pfSense."),
            ("client-guide-mikrotik", "MikroTik."),
            (
                "knocks",
                "Who knocks and is not let in: unknown addresses, wrong secrets.",
            ),
            ("knocks-none", "Nobody knocks."),
            ("knocks-helpdesk", "The helpdesk looks, an installer adds."),
        ],
    ),
    (
        "Directories",
        &[
            ("directories", "The directories, and whether each is asked."),
            ("directories-none", "None yet."),
            ("directory", "One tenant of Entra ID."),
            ("directory-off", "Off, until it is proven."),
            ("directory-all", "With everything set."),
            (
                "directory-form",
                "A new tenant: tenant ID and client ID are checked as they are typed.",
            ),
            ("directory-form-more", "Its other settings."),
            ("directory-form-wrong", "Wrong input is told at its field."),
            ("directory-prove", "A real login proves it."),
            ("directory-proved", "Proven, in words."),
            ("directory-not-proved", "Not proven, and what to set in the portal."),
            ("directory-tested", "What the directory says to one login."),
        ],
    ),
    (
        "Operators",
        &[
            ("operators", "Who may use the console."),
            ("operator", "One operator, and what an installer may change."),
            ("operator-add", "A new operator; the password is judged as it is typed."),
            ("operator-role", "Another role."),
            ("operator-token", "A token for an operator's own login."),
            ("operator-token-wrong", "A first code that is too short."),
            ("own-password", "Anybody may set a password of their own."),
        ],
    ),
    (
        "Import",
        &[
            ("import", "Token files that were found on the box or on a USB stick."),
            ("import-none", "None was found: plug in a stick, or type a path."),
            ("import-sealed", "An encrypted PSKC file asks for what opens it."),
            ("import-options", "How the file is taken."),
            ("import-running", "Batch by batch, with a bar."),
            (
                "import-tried",
                "First it is tried: what would be written, and the lines that would be refused.",
            ),
            ("import-write", "Then w writes; Enter asks first."),
            ("import-written", "What was written."),
        ],
    ),
    (
        "Export",
        &[
            ("export", "Where the file is to lie."),
            ("export-none", "No stick is there."),
            (
                "export-form",
                "What kind of file, its passphrase, and the installer's own password.",
            ),
            ("export-done", "The file lies there; what it cannot hold is named."),
        ],
    ),
    (
        "Backup and restore",
        &[
            ("backup", "Where the backup is to lie."),
            ("backup-form", "Its passphrase, and the installer's own password."),
            ("backup-running", "It is made and written; logins go on."),
            ("backup-done", "Where it lies, and what it holds."),
            ("restore", "Backups that were found on sticks."),
            ("restore-form", "The passphrase of the file."),
            ("restore-holds", "What it holds; nothing is changed yet."),
            ("restore-own", "One of this same box."),
            (
                "restore-own-operators",
                "The same, where the log of logins was broken since.",
            ),
            (
                "restore-own-logins",
                "The same, where the operators' log was broken since.",
            ),
            ("restore-confirm", "A word is typed before everything gives way to it."),
            ("restore-done", "posternd starts anew."),
        ],
    ),
    (
        "System",
        &[
            ("system", "The box, this line, the network, the check of the log."),
            (
                "system-appliance",
                "On an appliance the machine's own screens stand here too, as the role may use them.",
            ),
            (
                "system-no-appliance",
                "On another box its system's own tools set the machine.",
            ),
        ],
    ),
    (
        "The machine",
        &[
            ("network", "How each interface is set, and how the box stands now."),
            ("network-auditor", "As an auditor sees it."),
            ("network-form", "One interface: DHCP, or addresses of its own."),
            ("network-form-wrong", "Wrong input is told at its field."),
            ("network-form-vlan", "A VLAN is an interface of its own."),
            (
                "network-trial",
                "A change is on trial for a minute: confirmed by Enter, else taken back.",
            ),
            ("machine-names", "Name, time zone, time servers, clock."),
            ("machine-line", "What is wrong with a name stands below it."),
            ("machine-servers", "Time servers by name or address."),
            ("machine-zones", "The time zone; the list follows what is typed."),
            ("machine-clock", "The clock by hand; it is confirmed afterwards."),
            ("machine-power", "Restart, power off, factory reset."),
            ("machine-restart", "Each says first what becomes of logins."),
            (
                "machine-reset",
                "Emptying the box wants its name and the installer's own password.",
            ),
            ("machine-stick", "Sticks are mounted and released."),
            ("machine-stick-released", "Then a stick may be pulled out."),
            ("machine-recovery", "The recovery stick, and whether there is one."),
            ("machine-recovery-sure", "What such a stick is, before it is made."),
            ("machine-update", "The version that runs, and the one beside it."),
            ("machine-update-fetching", "A release is copied and verified first."),
            ("machine-update-ready", "Verified, and not written yet."),
            ("machine-update-notes", "What is new in it, by its own words."),
            ("machine-update-sure", "What an update means for logins."),
            ("machine-update-failed", "What was wrong with a release."),
            ("machine-ssh-off", "SSH is off until a key is added."),
            ("machine-ssh", "Fingerprints of the keys that come to this console."),
        ],
    ),
];
