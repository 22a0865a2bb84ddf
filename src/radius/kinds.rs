//! The numbers of packet codes and attributes that Postern reads or writes. They come from the `radius` crate where it has them.

use ::radius::core::code::Code;
use ::radius::core::{rfc2865, rfc2866, rfc2869, rfc3162, rfc3576};

/// Access-Request (RFC 2865).
pub const ACCESS_REQUEST: u8 = Code::AccessRequest as u8;
/// Access-Accept (RFC 2865).
pub const ACCESS_ACCEPT: u8 = Code::AccessAccept as u8;
/// Access-Reject (RFC 2865).
pub const ACCESS_REJECT: u8 = Code::AccessReject as u8;
/// Accounting-Request (RFC 2866).
pub const ACCOUNTING_REQUEST: u8 = Code::AccountingRequest as u8;
/// Accounting-Response (RFC 2866).
pub const ACCOUNTING_RESPONSE: u8 = Code::AccountingResponse as u8;
/// Access-Challenge (RFC 2865).
pub const ACCESS_CHALLENGE: u8 = Code::AccessChallenge as u8;
/// Status-Server (RFC 5997).
pub const STATUS_SERVER: u8 = Code::StatusServer as u8;

/// User-Name (RFC 2865).
pub const USER_NAME: u8 = rfc2865::USER_NAME_TYPE;
/// User-Password (RFC 2865).
pub const USER_PASSWORD: u8 = rfc2865::USER_PASSWORD_TYPE;
/// CHAP-Password (RFC 2865).
pub const CHAP_PASSWORD: u8 = rfc2865::CHAP_PASSWORD_TYPE;
/// NAS-IP-Address (RFC 2865).
pub const NAS_IP_ADDRESS: u8 = rfc2865::NAS_IP_ADDRESS_TYPE;
/// NAS-Port (RFC 2865).
pub const NAS_PORT: u8 = rfc2865::NAS_PORT_TYPE;
/// Service-Type (RFC 2865).
pub const SERVICE_TYPE: u8 = rfc2865::SERVICE_TYPE_TYPE;
/// Framed-IP-Address (RFC 2865).
pub const FRAMED_IP_ADDRESS: u8 = rfc2865::FRAMED_IP_ADDRESS_TYPE;
/// Filter-Id (RFC 2865).
pub const FILTER_ID: u8 = rfc2865::FILTER_ID_TYPE;
/// Reply-Message (RFC 2865).
pub const REPLY_MESSAGE: u8 = rfc2865::REPLY_MESSAGE_TYPE;
/// State (RFC 2865).
pub const STATE: u8 = rfc2865::STATE_TYPE;
/// Class (RFC 2865).
pub const CLASS: u8 = rfc2865::CLASS_TYPE;
/// Vendor-Specific (RFC 2865).
pub const VENDOR_SPECIFIC: u8 = rfc2865::VENDOR_SPECIFIC_TYPE;
/// Session-Timeout (RFC 2865); in an Access-Challenge, how long the client may wait for the answer, in seconds.
pub const SESSION_TIMEOUT: u8 = rfc2865::SESSION_TIMEOUT_TYPE;
/// Called-Station-Id (RFC 2865).
pub const CALLED_STATION_ID: u8 = rfc2865::CALLED_STATION_ID_TYPE;
/// Calling-Station-Id (RFC 2865).
pub const CALLING_STATION_ID: u8 = rfc2865::CALLING_STATION_ID_TYPE;
/// NAS-Identifier (RFC 2865).
pub const NAS_IDENTIFIER: u8 = rfc2865::NAS_IDENTIFIER_TYPE;
/// Proxy-State (RFC 2865).
pub const PROXY_STATE: u8 = rfc2865::PROXY_STATE_TYPE;
/// CHAP-Challenge (RFC 2865).
pub const CHAP_CHALLENGE: u8 = rfc2865::CHAP_CHALLENGE_TYPE;
/// NAS-Port-Type (RFC 2865).
pub const NAS_PORT_TYPE: u8 = rfc2865::NAS_PORT_TYPE_TYPE;
/// Acct-Status-Type (RFC 2866).
pub const ACCT_STATUS_TYPE: u8 = rfc2866::ACCT_STATUS_TYPE_TYPE;
/// Acct-Session-Id (RFC 2866).
pub const ACCT_SESSION_ID: u8 = rfc2866::ACCT_SESSION_ID_TYPE;
/// Acct-Session-Time (RFC 2866), in seconds.
pub const ACCT_SESSION_TIME: u8 = rfc2866::ACCT_SESSION_TIME_TYPE;
/// Acct-Terminate-Cause (RFC 2866).
pub const ACCT_TERMINATE_CAUSE: u8 = rfc2866::ACCT_TERMINATE_CAUSE_TYPE;
/// Prompt (RFC 2869): whether the answer to a challenge is shown while it is typed.
pub const PROMPT: u8 = rfc2869::PROMPT_TYPE;
/// EAP-Message (RFC 3579).
pub const EAP_MESSAGE: u8 = rfc2869::EAP_MESSAGE_TYPE;
/// Message-Authenticator (RFC 3579).
pub const MESSAGE_AUTHENTICATOR: u8 = rfc2869::MESSAGE_AUTHENTICATOR_TYPE;
/// NAS-IPv6-Address (RFC 3162).
pub const NAS_IPV6_ADDRESS: u8 = rfc3162::NAS_IPV6_ADDRESS_TYPE;
/// Error-Cause (RFC 3576, 5176).
pub const ERROR_CAUSE: u8 = rfc3576::ERROR_CAUSE_TYPE;

/// Microsoft's vendor number in Vendor-Specific (RFC 2548).
pub const VENDOR_MICROSOFT: u32 = 311;
/// MS-CHAP-Response, a Microsoft attribute (RFC 2548).
pub const MS_CHAP_RESPONSE: u8 = 1;
/// MS-CHAP-Challenge, a Microsoft attribute (RFC 2548), for both versions.
pub const MS_CHAP_CHALLENGE: u8 = 11;
/// MS-CHAP2-Response, a Microsoft attribute (RFC 2548).
pub const MS_CHAP2_RESPONSE: u8 = 25;

/// Acct-Status-Type Start (RFC 2866).
pub const ACCT_START: u32 = rfc2866::ACCT_STATUS_TYPE_START;
/// Acct-Status-Type Stop (RFC 2866).
pub const ACCT_STOP: u32 = rfc2866::ACCT_STATUS_TYPE_STOP;
/// Acct-Status-Type Interim-Update (RFC 2866).
pub const ACCT_INTERIM_UPDATE: u32 = rfc2866::ACCT_STATUS_TYPE_INTERIM_UPDATE;
/// Acct-Status-Type Accounting-On (RFC 2866).
pub const ACCT_ON: u32 = rfc2866::ACCT_STATUS_TYPE_ACCOUNTING_ON;
/// Acct-Status-Type Accounting-Off (RFC 2866).
pub const ACCT_OFF: u32 = rfc2866::ACCT_STATUS_TYPE_ACCOUNTING_OFF;

/// A code in words, as RFCs write it, for logs; "Invalid" for what the `radius` crate does not know.
pub fn code_name(code: u8) -> &'static str {
    Code::from(code).string()
}
