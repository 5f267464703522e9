//! A configuration in a folder, as an operator has it.

use std::{
    net::SocketAddr,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use gatepost::{
    app::{Interior, Plan},
    clock::Clock,
    engine::{AddUser, ClientIds, CreateClient, Spelling},
    oauth::{
        claim::Claim,
        client::{GrantType, Origin},
        id::ClientId,
        signing::TokenFormat,
        user::UserName,
    },
};
use secrecy::SecretString;
use tempfile::TempDir;

use super::child::{Child, Ended};
use crate::{
    proxy::stand::{Token, issue},
    support::gateway::{PASSWORD, USER, forwarding},
};

pub(super) struct Installation {
    folder: TempDir,
}

impl Installation {
    /// Forwards `/v1` to this address, for which a token is needed.
    pub(super) fn before(upstream: SocketAddr) -> Self {
        Self::with(&forwarding(upstream))
    }

    pub(super) fn with(config: &str) -> Self {
        let installation = Self { folder: TempDir::new().unwrap() };
        std::fs::write(installation.config(), config).unwrap();
        installation
    }

    /// Where the configuration lies.
    pub(super) fn config(&self) -> PathBuf {
        self.folder.path().join("gatepost.toml")
    }

    /// Where the store lies.
    pub(super) fn data(&self) -> PathBuf {
        self.folder.path().join("gatepost-data")
    }

    /// Makes the first user and a token for him, while nothing runs.
    pub(super) async fn token(&self) -> Token {
        let interior = Interior::open(Plan::load(&self.config()).unwrap(), Clock::system()).await.unwrap();
        let (name, password) = (UserName::parse(USER).unwrap(), SecretString::from(PASSWORD));
        let add = AddUser { name, password, email: None, avatar: None, scopes: interior.config().default_scopes.clone() };
        let user = interior.engine().add_user(add).await.unwrap();
        issue(interior.engine(), &user, "app").await
    }

    /// Makes a client that speaks Bootspring, while nothing runs.
    pub(super) async fn client(&self, public: bool, format: Option<TokenFormat>) -> ClientId {
        let interior = Interior::open(Plan::load(&self.config()).unwrap(), Clock::system()).await.unwrap();
        let create = CreateClient {
            spelling: Spelling { dialect: "bootspring", id: ClientIds::After("bs_app_"), secret: "bs_cs_" },
            owner: None,
            origin: Origin::Managed,
            name: Claim::exact("A made app").unwrap(),
            description: None,
            redirect_uris: Vec::new(),
            scopes: interior.config().default_scopes.clone(),
            grant_types: GrantType::ALL.into(),
            public,
            format,
            resource_server: None,
            verified: false,
        };
        interior.engine().create_client(create).await.unwrap().0.id
    }

    /// Runs a command with `--config`, and this on its standard input.
    pub(super) fn run(&self, arguments: &[&str], input: &str) -> Child {
        let config = self.config();
        Child::with(&[arguments, &["--config", config.to_str().unwrap()]].concat(), &[], input)
    }

    /// Runs a command to its end.
    pub(super) async fn done(&self, arguments: &[&str], input: &str) -> Ended {
        self.run(arguments, input).ended().await
    }

    /// A server that listens, and where.
    pub(super) async fn serve(&self) -> (Child, SocketAddr) {
        self.serve_with(&[]).await
    }

    /// The same with more in its environment.
    pub(super) async fn serve_with(&self, environment: &[(&str, &str)]) -> (Child, SocketAddr) {
        let config = self.config();
        let mut child = Child::with(&["serve", "--config", config.to_str().unwrap()], environment, "");
        let address = child.logs("\"listening\"").await["address"].as_str().unwrap().parse().unwrap();
        (child, address)
    }
}

/// What others may do with a file or folder, and its owner.
pub(super) fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}
