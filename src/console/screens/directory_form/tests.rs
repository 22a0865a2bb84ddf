use super::*;
use crate::console::guide::samples::tenant;
use crate::console::testing::{Desk, snapshot};
use crate::control::{Role, TenantState};

const TENANT: &str = "0a1b2c3d-1111-2222-3333-0123456789ab";
const CLIENT: &str = "4e5f6a7b-4444-5555-6666-ba9876543210";

fn desk(form: DirectoryForm) -> Desk {
    Desk::on(Box::new(form), Role::Installer)
}

fn set(desk: &Desk) -> EntraSet {
    match &desk.asked.last().expect("something was asked").1 {
        Request::EntraSet(set) => set.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_pages() {
    snapshot("directory-form", |desk| {
        desk.open(Box::new(DirectoryForm::add()), Role::Installer)
    });
    snapshot("directory-form-wrong", |desk| {
        desk.open(Box::new(DirectoryForm::add()), Role::Installer);
        desk.types("contoso.example");
        desk.keys(&[Key::Down]);
        desk.types("contoso");
        desk.keys(&[Key::Down]);
        desk.types("4e5f6a7b-x");
    });
    snapshot("directory-form-more", |desk| {
        let info = tenant("contoso.example", TenantState::Proven);
        desk.open(Box::new(DirectoryForm::edit(&info)), Role::Installer);
        desk.keys(&[Key::Down, Key::Down, Key::Right, Key::Enter]);
    });
}

#[test]
fn a_new_tenant_names_domain_and_ids_alone() {
    let mut desk = desk(DirectoryForm::add());
    desk.types("Contoso.example");
    desk.keys(&[Key::Enter]);
    desk.types(&TENANT.to_uppercase());
    desk.keys(&[Key::Enter]);
    desk.types(CLIENT);
    desk.keys(&[Key::Enter, Key::Enter]);
    let wanted = EntraSet {
        domain: "contoso.example".to_owned(),
        tenant: Some(TENANT.to_owned()),
        client_id: Some(CLIENT.to_owned()),
        ..EntraSet::default()
    };
    assert_eq!(set(&desk), wanted);
}

#[test]
fn r13_formats_are_checked_as_they_are_typed() {
    let mut desk = desk(DirectoryForm::add());
    desk.types("anna@");
    assert!(desk.text().contains("Only what stands behind the @"));
    desk.keys(&[Key::Ctrl('u')]);
    desk.types("contoso.example");
    desk.keys(&[Key::Enter]);
    desk.types("common");
    assert!(
        !desk.text().contains("cannot check"),
        "it may still become common.example"
    );
    desk.keys(&[Key::Enter]);
    desk.types("4e5f6a7b-4444");
    assert!(!desk.text().contains("no client ID"));
    desk.types("g");
    assert!(desk.text().contains("4e5f6a7b-4444g is no client ID"));
    desk.keys(&[Key::Enter, Key::Enter]);
    assert!(desk.asked.is_empty());
    assert!(desk.text().contains("common cannot check passwords"));
}

#[test]
fn a_change_asks_for_what_differs_and_keeps_the_domain() {
    let mut info = tenant("contoso.example", TenantState::Proven);
    info.confidential = true;
    let mut desk = desk(DirectoryForm::edit(&info));
    desk.keys(&[Key::Up]);
    desk.types("x");
    assert!(desk.text().contains("The domain stays"));
    desk.keys(&[Key::Down, Key::Down, Key::Down, Key::Right, Key::Enter]);
    assert_eq!(desk.app.screen(), "directory-form-more");
    // From confidential to public, then straight to the end.
    desk.keys(&[Key::Left]);
    desk.keys(&[Key::Down; 11]);
    desk.keys(&[Key::Enter]);
    let wanted = EntraSet {
        domain: "contoso.example".to_owned(),
        client_secret: Some(crate::secret::Secret::default()),
        ..EntraSet::default()
    };
    assert_eq!(set(&desk), wanted);
}

#[test]
fn r21_a_client_secret_is_sent_once_and_not_shown() {
    let mut desk = desk(DirectoryForm::add());
    desk.types("contoso.example");
    desk.keys(&[Key::Enter]);
    desk.types(TENANT);
    desk.keys(&[Key::Enter]);
    desk.types(CLIENT);
    desk.keys(&[Key::Enter, Key::Right, Key::Enter, Key::Right, Key::Down]);
    desk.types("top~secret");
    assert!(!desk.text().contains("secret~") && !desk.text().contains("top"));
    assert!(!format!("{:?}", desk.app).contains("top~secret"));
    desk.keys(&[Key::Down; 10]);
    desk.keys(&[Key::Enter]);
    assert_eq!(set(&desk).client_secret.unwrap().expose(), b"top~secret");
}

#[test]
fn a_confidential_one_without_its_secret_is_sent_back() {
    let mut desk = desk(DirectoryForm::add());
    desk.types("contoso.example");
    desk.keys(&[Key::Enter]);
    desk.types(TENANT);
    desk.keys(&[Key::Enter]);
    desk.types(CLIENT);
    desk.keys(&[Key::Enter, Key::Right, Key::Enter, Key::Right]);
    desk.keys(&[Key::Down; 11]);
    desk.keys(&[Key::Enter]);
    assert!(desk.asked.is_empty());
    assert!(desk.text().contains("The client secret is missing"));
}

#[test]
fn nothing_changed_asks_nothing() {
    let info = tenant("contoso.example", TenantState::Proven);
    let mut desk = desk(DirectoryForm::edit(&info));
    desk.keys(&[Key::Down, Key::Down, Key::Enter]);
    assert!(desk.asked.is_empty());
    assert!(desk.text().contains("Nothing was changed."));
}
