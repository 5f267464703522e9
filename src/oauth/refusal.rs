//! The protocol says no.

use std::{borrow::Cow, time::Duration};

/// The words of RFC 6749 sections 4.1.2.1 and 5.2, of RFC 8628 section 3.5, RFC 8707 section 2 and RFC
/// 7591 section 3.2.2, and those of dialects that tell apart what the RFCs do not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ErrorCode {
    /// Something is missing, repeated or malformed.
    InvalidRequest,
    /// The client is unknown or did not prove who it is.
    InvalidClient,
    /// The code or token is unknown, used, expired, revoked, or another client's.
    InvalidGrant,
    /// The client may not use this way.
    UnauthorizedClient,
    /// No such `grant_type`.
    UnsupportedGrantType,
    /// No such `response_type`.
    UnsupportedResponseType,
    /// The resource is none of ours, or more than was granted.
    InvalidTarget,
    /// A redirect URI that nobody may register.
    InvalidRedirectUri,
    /// Something else in a registration.
    InvalidClientMetadata,
    /// The scope is malformed or more than may be asked for.
    InvalidScope,
    /// The user said no, or may no longer say yes.
    AccessDenied,
    /// The user has not decided yet.
    AuthorizationPending,
    /// As [`ErrorCode::AuthorizationPending`], and the poll came too early.
    SlowDown {
        /// How long to wait between two polls from now on.
        interval: Duration,
    },
    /// The device code's time is over.
    ExpiredToken,
    /// The code that a user typed is wrong (SereChat).
    WrongCode {
        /// How many more may be tried.
        left: u8,
    },
    /// As [`ErrorCode::InvalidGrant`], because the one answer was given (Fruxon).
    Consumed,
    /// As [`ErrorCode::InvalidGrant`], because the user is gone or disabled (Serble).
    UserGone,
    /// As [`ErrorCode::InvalidGrant`], because the access was taken back (Serble).
    TakenBack,
}

impl ErrorCode {
    /// As it stands on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::InvalidTarget => "invalid_target",
            Self::InvalidRedirectUri => "invalid_redirect_uri",
            Self::InvalidClientMetadata => "invalid_client_metadata",
            Self::InvalidScope => "invalid_scope",
            Self::AccessDenied => "access_denied",
            Self::AuthorizationPending => "authorization_pending",
            Self::SlowDown { .. } => "slow_down",
            Self::ExpiredToken => "expired_token",
            Self::WrongCode { .. } => "invalid_code",
            Self::Consumed | Self::UserGone | Self::TakenBack => Self::InvalidGrant.as_str(),
        }
    }
}

/// A no of the protocol, with words that may be shown to anybody.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{}: {description}", code.as_str())]
pub struct Refusal {
    /// The word for programs.
    pub code: ErrorCode,
    /// The sentence for people: printable ASCII without `"` and `\` (RFC 6749 section 5.2).
    pub description: Cow<'static, str>,
}

impl Refusal {
    /// A refusal with a sentence of ours.
    pub const fn new(code: ErrorCode, description: &'static str) -> Self {
        Self { code, description: Cow::Borrowed(description) }
    }
}
