//! What a server tells of its health (health-checking.md, gRFC A90).

use hikyaku::client::Streaming;
use hikyaku::health::Health;
use hikyaku::health::v1::health_check_response::ServingStatus;
use hikyaku::health::v1::{
    HealthCheckRequest, HealthCheckResponse, HealthClient, HealthListRequest,
};
use hikyaku::{Code, Server, Status};
use hikyaku_testkit::{Live, virtual_time};

use crate::in_memory::{Calling, Calls, Network, Running};

const SERVING: &str = "SERVING";
const NOT_SERVING: &str = "NOT_SERVING";
const UNKNOWN: &str = "SERVICE_UNKNOWN";

/// A server of `test.Calls` with its health, and a client.
struct Ends {
    health: Health,
    client: HealthClient,
    network: Network,
    running: Running,
}

impl Ends {
    fn new() -> Self {
        let health = Health::new();
        let network = Network::new();
        let server = Server::new().add(Calls::four_kinds(&Live::new()));
        let running = network.serve(server.add(health.service()));
        let client = HealthClient::new(network.channel());
        Self {
            health,
            client,
            network,
            running,
        }
    }

    async fn check(&self, service: &str) -> Result<&'static str, Status> {
        let reply = self.client.check(about(service)).await?;
        Ok(word(reply.message()))
    }

    async fn watch(&self, service: &str) -> Watch {
        Watch(self.client.watch(about(service)).await.unwrap())
    }
}

struct Watch(Streaming<HealthCheckResponse>);

impl Watch {
    async fn next(&mut self) -> &'static str {
        word(&self.0.next().await.unwrap().unwrap())
    }
}

fn about(service: &str) -> HealthCheckRequest {
    HealthCheckRequest {
        service: service.to_owned(),
        ..Default::default()
    }
}

fn word(response: &HealthCheckResponse) -> &'static str {
    let is = |status: ServingStatus| response.status == status;
    match () {
        () if is(ServingStatus::SERVING) => SERVING,
        () if is(ServingStatus::NOT_SERVING) => NOT_SERVING,
        () if is(ServingStatus::SERVICE_UNKNOWN) => UNKNOWN,
        () => panic!("{response:?}"),
    }
}

#[test]
fn check_tells_the_whole_server_its_services_and_not_found() {
    virtual_time::run(async {
        let ends = Ends::new();
        assert_eq!(ends.check("").await.unwrap(), SERVING);
        assert_eq!(ends.check("test.Calls").await.unwrap(), SERVING);
        let status = ends.check("test.Nothing").await.unwrap_err();
        assert_eq!(status.code(), Code::NotFound);
        assert_eq!(status.message(), "unknown service test.Nothing");
        // (a step, what is said then of the server, test.Calls and a name that is no service)
        type Step = fn(&Health);
        let table: [(Step, [Option<&str>; 3]); 7] = [
            (
                |health| health.set_not_serving(""),
                [Some(NOT_SERVING), Some(NOT_SERVING), None],
            ),
            (
                |health| health.set_serving("test.Calls"),
                [Some(NOT_SERVING), Some(SERVING), None],
            ),
            (
                |health| health.set_serving("queue"),
                [Some(NOT_SERVING), Some(SERVING), Some(SERVING)],
            ),
            (Health::shut_down, [Some(NOT_SERVING); 3]),
            (|health| health.set_serving(""), [Some(NOT_SERVING); 3]),
            (Health::resume, [Some(SERVING); 3]),
            (
                |health| health.forget("queue"),
                [Some(SERVING), Some(SERVING), None],
            ),
        ];
        for (number, (step, want)) in table.into_iter().enumerate() {
            step(&ends.health);
            for (service, want) in ["", "test.Calls", "queue"].into_iter().zip(want) {
                let got = ends.check(service).await.ok();
                assert_eq!(got, want, "step {number}, {service:?}");
            }
        }
    });
}

#[test]
fn watch_sends_the_status_of_now_at_once_and_then_each_change() {
    virtual_time::run(async {
        let ends = Ends::new();
        let mut watch = ends.watch("test.Calls").await;
        assert_eq!(watch.next().await, SERVING);
        ends.health.set_not_serving("another");
        ends.health.set_serving("test.Calls");
        ends.health.set_not_serving("test.Calls");
        assert_eq!(
            watch.next().await,
            NOT_SERVING,
            "and nothing for what is no change"
        );
        ends.health.set_serving("test.Calls");
        assert_eq!(watch.next().await, SERVING);
    });
}

#[test]
fn watch_of_an_unknown_service_says_so_and_goes_on() {
    virtual_time::run(async {
        let ends = Ends::new();
        let mut watch = ends.watch("later").await;
        assert_eq!(watch.next().await, UNKNOWN);
        ends.health.set_serving("later");
        assert_eq!(watch.next().await, SERVING);
        ends.health.forget("later");
        assert_eq!(watch.next().await, UNKNOWN);
    });
}

#[test]
fn list_tells_all_and_refuses_more_than_a_hundred() {
    virtual_time::run(async {
        let ends = Ends::new();
        ends.health.set_not_serving("queue");
        let list = || ends.client.list(HealthListRequest::default());
        let reply = list().await.unwrap().into_message();
        let mut all: Vec<_> = reply
            .statuses
            .iter()
            .map(|(name, status)| (name.as_str(), word(status)))
            .collect();
        all.sort_unstable();
        let want = [
            ("", SERVING),
            ("grpc.health.v1.Health", SERVING),
            ("queue", NOT_SERVING),
            ("test.Calls", SERVING),
        ];
        assert_eq!(all, want);
        for number in 0..96 {
            ends.health.set_serving(&format!("service {number}"));
        }
        assert_eq!(list().await.unwrap().message().statuses.len(), 100);
        ends.health.set_serving("one more");
        let status = list().await.unwrap_err();
        assert_eq!(status.code(), Code::ResourceExhausted);
    });
}

#[test]
fn a_server_that_shuts_down_is_not_serving_and_its_watchers_do_not_hold_it_up() {
    virtual_time::run(async {
        let mut ends = Ends::new();
        let (mut sender, mut sums) = ends.network.channel().talk("/test.Calls/Sums", ()).await;
        let mut watch = ends.watch("").await;
        assert_eq!(watch.next().await, SERVING);
        ends.running.stop();
        assert_eq!(watch.next().await, NOT_SERVING);
        let status = watch.0.next().await.unwrap_err();
        assert_eq!(status.code(), Code::Unavailable);
        // The others finish what they have.
        sender.send(4).await.unwrap();
        assert_eq!(sums.next().await.unwrap(), Some(4));
        drop((sender, sums));
        let begun = tokio::time::Instant::now();
        ends.running.task.await.unwrap().unwrap();
        assert_eq!(begun.elapsed().as_secs(), 0);
    });
}
