//! XML as far as PSKC needs it: a root, and its children one after the other as small trees. In: text; out: elements by namespace and
//! name. Namespaces count by their URI, whatever the prefix. No document type and no entity is taken, nothing is fetched; depth,
//! width and length are bounded, so that a small file stays small.

use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::ResolveResult;
use quick_xml::reader::NsReader;

use super::PskcError;
use crate::enrol::wiped::Wiped;

/// Levels of elements.
const DEPTH_MAX: usize = 24;
/// Elements below one child of the root.
const ELEMENTS_MAX: usize = 500;
/// Attributes of one element.
const ATTRIBUTES_MAX: usize = 32;
/// Bytes of text in one element, and of a name, and of an attribute's value.
const TEXT_MAX: usize = 64 * 1024;

/// The namespaces of RFC 6030 and what it builds on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Space {
    /// RFC 6030.
    Pskc,
    /// XML Signature.
    Ds,
    /// XML Encryption 1.0.
    Xenc,
    /// XML Encryption 1.1.
    Xenc11,
    /// PKCS #5.
    Pkcs5,
    /// None at all.
    Without,
    /// Another one.
    Other,
}

impl Space {
    fn of(uri: &str) -> Self {
        match uri {
            "urn:ietf:params:xml:ns:keyprov:pskc" => Self::Pskc,
            "http://www.w3.org/2000/09/xmldsig#" => Self::Ds,
            "http://www.w3.org/2001/04/xmlenc#" => Self::Xenc,
            "http://www.w3.org/2009/xmlenc11#" => Self::Xenc11,
            "http://www.rsasecurity.com/rsalabs/pkcs/schemas/pkcs-5v2-0#" => Self::Pkcs5,
            _ => Self::Other,
        }
    }
}

/// An element.
#[derive(Debug)]
pub(super) struct Element {
    pub(super) space: Space,
    pub(super) name: String,
    /// Those without a prefix.
    attributes: Vec<(String, String)>,
    pub(super) children: Vec<Element>,
    text: Wiped,
}

impl Element {
    /// The value of an attribute.
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| value.trim())
    }

    /// The names of all attributes.
    pub(super) fn attributes(&self) -> impl Iterator<Item = &str> {
        self.attributes.iter().map(|(name, _)| name.as_str())
    }

    /// The text directly in it, trimmed.
    pub(super) fn text(&self) -> &str {
        self.text.trim()
    }

    /// Whether it is this one.
    pub(super) fn is(&self, space: Space, name: &str) -> bool {
        self.space == space && self.name == name
    }

    /// All children of a name.
    pub(super) fn all<'a>(&'a self, space: Space, name: &'a str) -> impl Iterator<Item = &'a Element> {
        self.children.iter().filter(move |child| child.is(space, name))
    }

    /// The child of a name, if there is one.
    ///
    /// # Errors
    /// There are two: which one counts would be a guess.
    pub(super) fn one(&self, space: Space, name: &'static str) -> Result<Option<&Element>, String> {
        let mut found = self.all(space, name);
        let first = found.next();
        match found.next() {
            None => Ok(first),
            Some(_) => Err(format!("{name} stands there twice")),
        }
    }

    /// The text of a child of RFC 6030's namespace; empty where there is none.
    ///
    /// # Errors
    /// There are two.
    pub(super) fn text_of(&self, name: &'static str) -> Result<&str, String> {
        Ok(self.one(Space::Pskc, name)?.map_or("", Element::text))
    }
}

/// A document that is being read.
pub(super) struct Document<'a> {
    text: &'a str,
    reader: NsReader<&'a [u8]>,
    elements: usize,
    is_over: bool,
}

impl<'a> Document<'a> {
    /// The root element without its children, and what yields them.
    pub(super) fn open(text: &'a [u8]) -> Result<(Element, Self), PskcError> {
        let text = std::str::from_utf8(text).map_err(|_| PskcError::NotUtf8)?;
        let mut reader = NsReader::from_str(text);
        reader.config_mut().expand_empty_elements = true;
        let mut document = Self {
            text,
            reader,
            elements: 0,
            is_over: false,
        };
        loop {
            match document.event()? {
                Event::Start(start) => {
                    let root = document.element(&start)?;
                    return Ok((root, document));
                }
                Event::Eof => return Err(document.broken()),
                Event::Text(text) if text.trim().is_empty() => {}
                Event::Decl(_) | Event::Comment(_) | Event::PI(_) => {}
                _ => return Err(document.broken()),
            }
        }
    }

    /// The next child of the root, whole; none behind the last one.
    pub(super) fn next(&mut self) -> Result<Option<Element>, PskcError> {
        if self.is_over {
            return Ok(None);
        }
        self.elements = 0;
        // The elements that are open, the innermost last.
        let mut open: Vec<Element> = Vec::new();
        loop {
            match self.event()? {
                Event::Start(start) => {
                    if open.len() >= DEPTH_MAX {
                        return Err(self.too_much());
                    }
                    let element = self.element(&start)?;
                    open.push(element);
                }
                Event::End(_) => match (open.pop(), open.last_mut()) {
                    (Some(element), Some(parent)) => parent.children.push(element),
                    (Some(element), None) => return Ok(Some(element)),
                    (None, _) => {
                        self.is_over = true;
                        return self.end().map(|()| None);
                    }
                },
                Event::Text(text) => self.add(open.last_mut(), &text.xml_content(XmlVersion::Explicit1_0))?,
                Event::CData(text) => self.add(open.last_mut(), &text.xml_content(XmlVersion::Explicit1_0))?,
                Event::GeneralRef(reference) => {
                    let character = match &*reference {
                        "lt" => Some('<'),
                        "gt" => Some('>'),
                        "amp" => Some('&'),
                        "apos" => Some('\''),
                        "quot" => Some('"'),
                        _ => reference.resolve_char_ref().map_err(|_| self.broken())?,
                    };
                    let character = character.ok_or_else(|| PskcError::Doctype(self.line()))?;
                    self.add(open.last_mut(), character.encode_utf8(&mut [0; 4]))?;
                }
                Event::Comment(_) | Event::PI(_) => {}
                Event::Eof | Event::Decl(_) | Event::Empty(_) | Event::DocType(_) => return Err(self.broken()),
            }
        }
    }

    /// Nothing may stand behind the root.
    fn end(&mut self) -> Result<(), PskcError> {
        loop {
            match self.event()? {
                Event::Eof => return Ok(()),
                Event::Text(text) if text.trim().is_empty() => {}
                Event::Comment(_) | Event::PI(_) => {}
                _ => return Err(self.broken()),
            }
        }
    }

    fn event(&mut self) -> Result<Event<'a>, PskcError> {
        match self.reader.read_event() {
            Ok(Event::DocType(_)) => Err(PskcError::Doctype(self.line())),
            Ok(event) => Ok(event),
            // Its words may repeat what stands there: only the place is told.
            Err(_) => Err(self.broken()),
        }
    }

    /// An element without its children.
    fn element(&mut self, start: &BytesStart<'_>) -> Result<Element, PskcError> {
        self.elements += 1;
        let (resolved, local) = self.reader.resolver().resolve_element(start.name());
        let space = match resolved {
            ResolveResult::Bound(space) => Space::of(space.as_ref()),
            ResolveResult::Unbound => Space::Without,
            ResolveResult::Unknown(_) => return Err(self.broken()),
        };
        let name: &str = local.as_ref();
        if self.elements > ELEMENTS_MAX || name.len() > TEXT_MAX {
            return Err(self.too_much());
        }
        let name = name.to_owned();
        let mut attributes = Vec::new();
        for (count, attribute) in start.attributes().enumerate() {
            let attribute = attribute.map_err(|_| self.broken())?;
            if count >= ATTRIBUTES_MAX || attribute.value.len() > TEXT_MAX {
                return Err(self.too_much());
            }
            let (key, prefix) = attribute.key.decompose();
            let key: &str = key.as_ref();
            if prefix.is_some() || key == "xmlns" {
                continue;
            }
            let value = attribute.normalized_value(XmlVersion::Explicit1_0);
            let value = value.map_err(|_| PskcError::Doctype(self.line()))?;
            attributes.push((key.to_owned(), value.into_owned()));
        }
        Ok(Element {
            space,
            name,
            attributes,
            children: Vec::new(),
            text: Wiped::default(),
        })
    }

    /// Text belongs to the innermost element; between the root's children it is nothing.
    fn add(&self, to: Option<&mut Element>, text: &str) -> Result<(), PskcError> {
        let Some(element) = to else { return Ok(()) };
        if element.text.len().saturating_add(text.len()) > TEXT_MAX {
            return Err(self.too_much());
        }
        element.text.push_str(text);
        Ok(())
    }

    fn broken(&self) -> PskcError {
        PskcError::Xml(self.line())
    }

    fn too_much(&self) -> PskcError {
        PskcError::TooMuch(self.line())
    }

    /// The line where the reader stands, from 1.
    fn line(&self) -> usize {
        let at = self.reader.error_position().max(self.reader.buffer_position());
        let read = usize::try_from(at).ok().and_then(|at| self.text.as_bytes().get(..at));
        let read = read.unwrap_or(self.text.as_bytes());
        1 + read.iter().filter(|byte| **byte == b'\n').count()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NS: &str = "urn:ietf:params:xml:ns:keyprov:pskc";

    fn children(text: &str) -> Result<Vec<Element>, PskcError> {
        let (_, mut document) = Document::open(text.as_bytes())?;
        let mut children = Vec::new();
        while let Some(child) = document.next()? {
            children.push(child);
        }
        Ok(children)
    }

    #[test]
    fn elements_are_known_by_namespace_whatever_the_prefix() {
        for text in [
            format!(r#"<A xmlns="{NS}"><B Id=" 1 " x:Id="2" xmlns:x="u">t</B></A>"#),
            format!(r#"<?xml version="1.0"?><!-- c --><p:A xmlns:p="{NS}"> <p:B Id="1">&#116;<!-- c --></p:B></p:A>"#),
            format!(r#"<A><q:B xmlns:q="{NS}" Id="&#x31;"><![CDATA[ t ]]></q:B></A>"#),
        ] {
            let found = children(&text).unwrap();
            assert!(found[0].is(Space::Pskc, "B") && found.len() == 1, "{text}: {found:?}");
            assert_eq!((found[0].attribute("Id"), found[0].text()), (Some("1"), "t"), "{text}");
        }
        let found = children("<A><B><C>1</C><C>2</C></B></A>").unwrap();
        assert_eq!(found[0].space, Space::Without);
        assert!(
            found[0]
                .one(Space::Without, "C")
                .unwrap_err()
                .contains("C stands there twice")
        );
        assert!(found[0].one(Space::Pskc, "C").unwrap().is_none());
    }

    #[test]
    fn a_document_type_and_an_entity_are_refused() {
        for text in [
            "<!DOCTYPE a [<!ENTITY b \"c\">]><a/>",
            "<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>",
            "<a><b>&c;</b></a>",
            "<a><b c=\"&d;\"/></a>",
        ] {
            assert!(matches!(children(text), Err(PskcError::Doctype(1))), "{text}");
        }
        assert_eq!(children("<a><b>&lt;&amp;&quot;</b></a>").unwrap()[0].text(), "<&\"");
    }

    #[test]
    fn what_is_no_xml_is_refused_with_its_line() {
        for text in [
            "",
            "text",
            "<a>",
            "<a>\n</b>",
            "<a/><b/>",
            "<a/>text",
            "<a><b></a></b>",
            "<p:a/>",
            "<a b/>",
            "<a b='1' b='2'/>",
            "<a>&</a>",
            "<a>&#0;</a>",
            "<a><",
        ] {
            let error = children(text).unwrap_err();
            assert!(matches!(error, PskcError::Xml(1 | 2)), "{text:?}: {error:?}");
        }
        assert_eq!(Document::open(b"<\xe4/>").err(), Some(PskcError::NotUtf8));
    }

    #[test]
    fn a_small_file_stays_small() {
        let deep = format!("<r>{}{}</r>", "<a>".repeat(30), "</a>".repeat(30));
        let wide = format!("<r><a>{}</a></r>", "<b/>".repeat(ELEMENTS_MAX));
        let long = format!("<r><a>{}</a></r>", "x".repeat(TEXT_MAX + 1));
        let many = format!(
            "<r><a {}/></r>",
            (0..40).map(|n| format!("a{n}='' ")).collect::<String>()
        );
        for text in [deep, wide, long, many] {
            assert!(matches!(children(&text), Err(PskcError::TooMuch(1))), "{}", &text[..40]);
        }
        let names = format!(
            "<r>{}</r>",
            (0..2_000).map(|n| format!("<a xmlns:p{n}='u'>")).collect::<String>()
        );
        assert!(children(&names).is_err());
        assert_eq!(
            children(&format!("<r>{}</r>", "<a/>".repeat(5_000))).unwrap().len(),
            5_000
        );
    }

    proptest! {
        #[test]
        fn any_text_is_answered(text in "(<a[ >])?\\PC{0,100}(</a>)?") {
            let _ = children(&text);
        }
    }
}
