//! The health service.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::watch;

use super::v1::health_check_response::ServingStatus;
use super::v1::{
    self, HealthCheckRequest, HealthCheckResponse, HealthListRequest, HealthListResponse,
    HealthServer,
};
use super::{Board, Condition, Health, WHOLE_SERVER};
use crate::server::catalog::Catalog;
use crate::server::{Methods, Replies, Service};
use crate::{Request, Response, Status};

/// Tells the health of the server it is added to; made by [`Health::service`].
#[derive(Debug)]
pub struct HealthService {
    health: Health,
}

impl HealthService {
    pub(super) fn new(health: Health) -> Self {
        Self { health }
    }
}

impl Service for HealthService {
    fn name(&self) -> &'static str {
        HealthServer::<Teller>::NAME
    }

    fn descriptor_set(&self) -> &'static [u8] {
        super::generated::FILE_DESCRIPTOR_SET
    }

    fn register(self, methods: &mut Methods) {
        let catalog = Arc::clone(methods.catalog());
        let health = self.health;
        HealthServer::new(Teller { health, catalog }).register(methods);
    }
}

struct Teller {
    health: Health,
    catalog: Arc<Catalog>,
}

impl Teller {
    /// What is to be said of a service; `None` if the server does not know it.
    fn status(&self, service: &str) -> Option<ServingStatus> {
        let board = self.health.board.borrow();
        self.read(&board, service)
    }

    fn read(&self, board: &Board, service: &str) -> Option<ServingStatus> {
        let whole = || {
            board
                .services
                .get(WHOLE_SERVER)
                .filter(|_| self.catalog.has(service))
        };
        let condition = board.services.get(service).or_else(whole)?;
        let is_over = board.is_shut_down || *self.catalog.draining().borrow();
        Some(match condition {
            Condition::Serving if !is_over => ServingStatus::SERVING,
            Condition::Serving | Condition::NotServing => ServingStatus::NOT_SERVING,
        })
    }
}

impl v1::Health for Teller {
    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        let service = &request.message().service;
        match self.status(service) {
            Some(status) => Ok(told(status).into()),
            None => Err(Status::not_found(format!("unknown service {service}"))),
        }
    }

    async fn list(
        &self,
        _: Request<HealthListRequest>,
    ) -> Result<Response<HealthListResponse>, Status> {
        let board = self.health.board.borrow().clone();
        let served = self.catalog.services().map(|(name, _)| name);
        let set = board.services.keys().map(String::as_str);
        let statuses: BTreeMap<_, _> = served
            .chain(set)
            .filter_map(|name| Some((name.to_owned(), told(self.read(&board, name)?))))
            .collect();
        if statuses.len() > MAX_LISTED_COUNT {
            let count = statuses.len();
            return Err(Status::resource_exhausted(format!(
                "{count} services are too many for one list, limit {MAX_LISTED_COUNT}"
            )));
        }
        let statuses = statuses.into_iter().collect();
        Ok(HealthListResponse {
            statuses,
            ..Default::default()
        }
        .into())
    }

    async fn watch(
        &self,
        request: Request<HealthCheckRequest>,
        mut replies: Replies<HealthCheckResponse>,
    ) -> Result<(), Status> {
        let service = &request.message().service;
        let mut board = self.health.board.subscribe();
        let mut draining = self.catalog.draining();
        let mut last = None;
        loop {
            let status = self
                .status(service)
                .unwrap_or(ServingStatus::SERVICE_UNKNOWN);
            if last.replace(status) != Some(status) {
                replies.send(told(status)).await?;
            }
            // A stream that has no end of its own must not hold the shutdown up.
            if *draining.borrow_and_update() {
                return Err(Status::unavailable("the server is shutting down"));
            }
            tokio::select! {
                changed = board.changed() => still_there(changed)?,
                changed = draining.changed() => still_there(changed)?,
            }
        }
    }
}

fn told(status: ServingStatus) -> HealthCheckResponse {
    HealthCheckResponse {
        status: status.into(),
        ..Default::default()
    }
}

/// What is watched lives as long as the service does.
fn still_there(changed: Result<(), watch::error::RecvError>) -> Result<(), Status> {
    changed.map_err(|_| Status::unavailable("the server has ended"))
}

/// Services in one list; gRFC A90 leaves the number open, and the other gRPC libraries have this one.
const MAX_LISTED_COUNT: usize = 100;
