//! Tenants: who is at home where. A path may be one tenant's own, and a token may be for one tenant
//! alone.

use std::{collections::BTreeSet, fmt};

use aws_lc_rs::digest::{SHA256, digest};

use super::{guid, subject::Subject, user::UserName};

/// What ids are made of besides the slug, so that no other hash is one.
const LABEL: &str = "gatepost tenant ";

/// A tenant's short name, as it stands in paths.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Slug(String);

/// The text cannot be a tenant's short name.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a tenant's slug has 1 to 63 characters out of a-z, 0-9 and '-', and does not look like an id")]
pub struct BadSlug;

impl Slug {
    /// Reads a short name. One that reads as an id is refused: a path would name two tenants.
    ///
    /// # Errors
    /// [`BadSlug`].
    pub fn parse(text: &str) -> Result<Self, BadSlug> {
        let allowed = |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
        let is_slug = (1..=63).contains(&text.len()) && text.bytes().all(allowed) && TenantId::parse(text).is_none();
        is_slug.then(|| Self(text.to_owned())).ok_or(BadSlug)
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Slug {
    /// The name of the tenant that is there where nobody speaks of tenants: `default` (Fruxon).
    fn default() -> Self {
        Self("default".to_owned())
    }
}

/// A tenant's name for life: a UUID (RFC 9562), whichever version.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TenantId([u8; 16]);

impl TenantId {
    /// Reads a UUID in its form with four hyphens, in any case (RFC 9562 section 4).
    pub fn parse(text: &str) -> Option<Self> {
        guid::parse(&text.to_ascii_lowercase()).map(Self)
    }
}

impl From<&Slug> for TenantId {
    /// The id of a tenant that was given none: a UUID of version 8, made of the slug by SHA-256 (RFC
    /// 9562 sections 5.8 and 6.5).
    fn from(slug: &Slug) -> Self {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest(&SHA256, format!("{LABEL}{}", slug.0).as_bytes()).as_ref()[..16]);
        bytes[6] = bytes[6] & 0x0f | 0x80;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        Self(bytes)
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&guid::shown(&self.0))
    }
}

impl fmt::Debug for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TenantId({self})")
    }
}

/// A tenant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tenant {
    /// Its short name.
    pub slug: Slug,
    /// Its name for life.
    pub id: TenantId,
    /// What people call it.
    pub name: String,
    /// The users who are in it; `None`: everybody is.
    pub members: Option<BTreeSet<UserName>>,
}

impl Tenant {
    /// Whether a user is in it.
    pub fn has(&self, user: &UserName) -> bool {
        self.members.as_ref().is_none_or(|members| members.contains(user))
    }

    /// Whether what is this tenant's own opens to a token: its user is in the tenant, and if the token
    /// is for one tenant alone, it is this one. A client that asked for itself is at home nowhere.
    pub fn opens_to(&self, subject: &Subject) -> bool {
        let is_meant = subject.tenant.as_deref().is_none_or(|own| own == self.slug.as_str());
        is_meant && subject.user.as_ref().is_some_and(|user| self.has(&user.name))
    }
}

/// All tenants that there are; none, where nobody speaks of tenants.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Tenants(Vec<Tenant>);

/// Two tenants have one slug or one id.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the tenant {0} is there twice")]
pub struct SameTenant(String);

impl Tenants {
    /// These.
    ///
    /// # Errors
    /// [`SameTenant`] with the slug or the id that two of them have.
    pub fn new(tenants: Vec<Tenant>) -> Result<Self, SameTenant> {
        let (mut slugs, mut ids) = (BTreeSet::new(), BTreeSet::new());
        for tenant in &tenants {
            if !slugs.insert(&tenant.slug) {
                return Err(SameTenant(tenant.slug.0.clone()));
            }
            if !ids.insert(tenant.id) {
                return Err(SameTenant(tenant.id.to_string()));
            }
        }
        Ok(Self(tenants))
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// One after the other, as they were given.
    pub fn iter(&self) -> impl Iterator<Item = &Tenant> {
        self.0.iter()
    }

    /// The one with this slug or this id.
    pub fn find(&self, text: &str) -> Option<&Tenant> {
        let by_id = |id| self.iter().find(|tenant| tenant.id == id);
        // No slug reads as an id, and requests name tenants by their slugs.
        self.iter().find(|tenant| tenant.slug.as_str() == text).or_else(|| TenantId::parse(text).and_then(by_id))
    }

    /// Those that a user is in.
    pub fn of(&self, user: &UserName) -> impl Iterator<Item = &Tenant> {
        self.iter().filter(move |tenant| tenant.has(user))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::oauth::{
        audience::Audience,
        id::{ClientId, GrantId, UserId},
        scope::Scopes,
        subject::Person,
    };

    const GUID: &str = "f81d4fae-7dec-11d0-a765-00a0c91e6bf6";

    fn user(name: &str) -> UserName {
        UserName::parse(name).unwrap()
    }

    fn tenant(slug: &str, members: Option<&[&str]>) -> Tenant {
        let slug = Slug::parse(slug).unwrap();
        let members = members.map(|names| names.iter().map(|name| user(name)).collect());
        Tenant { id: TenantId::from(&slug), name: slug.as_str().to_owned(), slug, members }
    }

    #[test]
    fn a_slug_is_short_plain_and_no_id() {
        for text in ["a", "default", "acme-2", "-", &"a".repeat(63)] {
            assert_eq!(Slug::parse(text).unwrap().as_str(), text);
        }
        for text in ["", "A", "a_b", "a.b", "a b", "é", GUID, &"a".repeat(64)] {
            assert_eq!(Slug::parse(text), Err(BadSlug), "{text}");
        }
    }

    #[test]
    fn an_id_is_read_in_any_case_and_written_in_one() {
        assert_eq!(TenantId::parse(&GUID.to_ascii_uppercase()).unwrap().to_string(), GUID);
        for text in ["", "x", &GUID[1..], &GUID.replace('-', ""), &GUID.replace('f', "g"), &format!("{{{GUID}}}"), &GUID.replace('-', "0")]
        {
            assert_eq!(TenantId::parse(text), None, "{text}");
        }
    }

    #[test]
    fn an_id_that_is_made_is_of_version_8_and_always_the_same() {
        let made = |slug| TenantId::from(&Slug::parse(slug).unwrap()).to_string();
        // printf 'gatepost tenant default' | sha256sum
        assert_eq!(made("default"), "7ec1e4f9-13c4-88bb-86f6-b54505028f1c");
        assert_ne!(made("default"), made("defaults"));
    }

    #[test]
    fn a_tenant_is_found_by_slug_and_id_and_by_nothing_else() {
        let tenants = Tenants::new(vec![tenant("one", None), tenant("two", None)]).unwrap();
        let id = TenantId::from(&Slug::parse("two").unwrap()).to_string();
        for (text, found) in [("one", Some("one")), ("two", Some("two")), (&id, Some("two")), (&id.to_ascii_uppercase(), Some("two"))] {
            assert_eq!(tenants.find(text).map(|tenant| tenant.slug.as_str()), found, "{text}");
        }
        for text in ["", "One", "three", "on", GUID] {
            assert_eq!(tenants.find(text), None, "{text}");
        }
        assert_eq!(Tenants::new(vec![tenant("one", None), tenant("one", None)]), Err(SameTenant("one".into())));
        let same_id = Tenant { id: tenant("one", None).id, ..tenant("two", None) };
        assert!(Tenants::new(vec![tenant("one", None), same_id]).is_err());
    }

    #[test]
    fn a_tenant_opens_to_its_members_tokens_unless_they_are_for_another_one() {
        let subject = |name: Option<&str>, of: Option<&str>| Subject {
            grant: GrantId::from_random([1; 16]),
            number: 1,
            dialect: "one".into(),
            user: name.map(|name| Person { id: UserId::from_random([2; 16]), name: user(name), email: None, avatar: None }),
            client: ClientId::new("app"),
            scopes: Scopes::default(),
            audience: Audience::default(),
            tenant: of.map(str::to_owned),
        };
        let (open, closed) = (tenant("open", None), tenant("closed", Some(&["ada"])));
        for (at, name, of, opens) in [
            (&open, Some("bob"), None, true),
            (&open, Some("bob"), Some("open"), true),
            (&open, Some("ada"), Some("closed"), false),
            (&open, None, None, false),
            (&open, None, Some("open"), false),
            (&closed, Some("ada"), None, true),
            (&closed, Some("ada"), Some("closed"), true),
            (&closed, Some("bob"), None, false),
            // Whoever has left a tenant is not let in by the key that he still has.
            (&closed, Some("bob"), Some("closed"), false),
        ] {
            assert_eq!(at.opens_to(&subject(name, of)), opens, "{} {name:?} {of:?}", at.slug.as_str());
        }
        let tenants = Tenants::new(vec![open, closed]).unwrap();
        let of = |name: &str| tenants.of(&user(name)).map(|tenant| tenant.slug.as_str().to_owned()).collect::<Vec<_>>();
        assert_eq!((of("ada"), of("bob")), (vec!["open".to_owned(), "closed".to_owned()], vec!["open".to_owned()]));
    }
}
