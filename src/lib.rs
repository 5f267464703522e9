//! Gatepost: a reverse proxy that is its own authorization server.
//!
//! # The rooms
//!
//! | room | what belongs there | looks into |
//! |---|---|---|
//! | [`oauth`] | the rules: what may happen to a grant, and what proves that somebody may ask; pure | nothing of ours |
//! | [`clock`] | time; the only file that reads it | nothing of ours |
//! | [`message`] | HTTP's shared words: bodies, calls, replies, refusals, header hygiene | oauth |
//! | [`config`] | the file, strictly read, and all that is wrong with it at once | oauth |
//! | [`limit`] | how often somebody may do something: one table, a row an action | config, store, oauth |
//! | [`net`] | sockets: threads, listeners, connections and how long they may take, the local socket, drain | message, limit, config |
//! | [`store`] | where records lie: the contract, and each store that keeps it | oauth, config |
//! | [`verify`] | token → subject, on the way of every protected request; what may be remembered, and who has to hear that it is over | oauth, store, config |
//! | [`engine`] | the verbs: ask, decide, redeem, refresh, revoke, and what is done to clients, users and keys; the only writer of grants | oauth, store, verify, limit, config |
//! | [`dialects`] | translators: decode, call one verb, encode | oauth, engine, message, limit, config |
//! | [`web`] | pages for people | oauth, engine, dialects, message, limit, config |
//! | [`proxy`] | the data plane; its files are its stages | oauth, verify, net, message, limit, config |
//! | [`ops`] | administration, moving between stores, the log, health | all of the above but proxy, dialects and web |
//! | [`app`] | the composition root: configuration → running gateway | everything |
//! | [`cli`] | the commands | everything |
//!
//! All but `oauth` and `message` may use `clock`. A test holds this table.
//!
//! # The ways through it
//!
//! ```text
//! API call     net/listener → connection → proxy/http2 → strict → cors → route → authenticate → authorize → limit → forward
//!              → stream      (failure: proxy/reject; after a 101: tunnel, which net/connection runs)
//! token poll   net/listener → connection → proxy/http2 → strict → route (local) → dialects/bootspring (decode) → engine/poll
//!              → oauth/grant/rules → engine/advance → store (commit) → dialects/bootspring (encode)
//! operator     cli/admin → net/local → ops/admin → engine/manage → store (commit)      (no gateway runs: cli/admin → ops/admin)
//! taken back   engine/advance → verify/barrier → store (commit: the record and its entry in the feed), waits for all
//!              at each replica: engine/follow → verify/follow → store (renew) → verify (apply: cache, streams)
//! move         cli/admin/moving → app/moving → store (dump) → ops/moving → file → ops/moving → store (restore)
//! ```
//!
//! A request that is forwarded needs a [`proxy::authorize::Permit`], which only
//! [`proxy::authorize`] makes. A grant that is there changes only in `engine/advance`, and together with
//! another one in `engine/deliver`.

pub mod app;
pub mod cli;
pub mod clock;
pub mod config;
pub mod dialects;
pub mod engine;
pub mod limit;
pub mod message;
pub mod net;
pub mod oauth;
pub mod ops;
pub mod proxy;
pub mod store;
pub mod verify;
pub mod web;
