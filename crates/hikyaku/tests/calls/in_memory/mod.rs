//! A server and its clients in one process, with a network between them that can be cut.

mod answers;
mod calling;
mod kind;
mod service;
mod text;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hikyaku::client::ChannelBuilder;
use hikyaku::server::{Listener, ServeError};
use hikyaku::{Channel, Server};
use hikyaku_testkit::Random;
use hikyaku_testkit::link::{self, Cable, End, Weather};
use hikyaku_testkit::raw::RawPeer;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

pub(crate) use answers::{Seen, answer, answer_end, answer_head, read_numbers, read_request};
pub(crate) use calling::{Calling, collect};
pub(crate) use kind::Kind;
pub(crate) use service::Calls;
pub(crate) use text::Plain;

/// Where servers listen and clients connect.
#[derive(Clone)]
pub(crate) struct Network(Arc<Mutex<State>>);

struct State {
    /// The server that takes the next connection, if one listens.
    door: Option<mpsc::UnboundedSender<End>>,
    weather: Weather,
    random: Random,
    cables: Vec<Cable>,
    attempt_count: usize,
    /// How long connecting takes.
    delay: Duration,
}

/// A server that runs.
pub(crate) struct Running {
    pub(crate) task: JoinHandle<Result<(), ServeError>>,
    stop: Option<oneshot::Sender<()>>,
}

impl Network {
    pub(crate) fn new() -> Self {
        Self::with_weather(Weather::fine(), Random::new(0))
    }

    pub(crate) fn with_weather(weather: Weather, random: Random) -> Self {
        Self(Arc::new(Mutex::new(State {
            door: None,
            weather,
            random,
            cables: Vec::new(),
            attempt_count: 0,
            delay: Duration::ZERO,
        })))
    }

    /// A network with a server of these calls.
    pub(crate) fn serving(calls: Calls) -> Self {
        let network = Self::new();
        network.serve(Server::new().add(calls));
        network
    }

    /// Starts a server, in place of the one that listened before.
    pub(crate) fn serve(&self, server: Server) -> Running {
        let (stop, stopped) = oneshot::channel::<()>();
        let shutdown = async {
            if stopped.await.is_err() {
                std::future::pending().await // nobody will ever stop it
            }
        };
        let task = tokio::spawn(server.serve_listener_with_shutdown(self.listen(), shutdown));
        Running {
            task,
            stop: Some(stop),
        }
    }

    /// Takes the connections from now on.
    pub(crate) fn listen(&self) -> Door {
        let (door, ends) = mpsc::unbounded_channel();
        self.state().door = Some(door);
        Door(ends)
    }

    /// From now on connecting takes so long.
    pub(crate) fn delay_connecting(&self, delay: Duration) {
        self.state().delay = delay;
    }

    /// Breaks every connection.
    pub(crate) fn cut_all(&self) {
        for cable in &self.state().cables {
            cable.cut();
        }
    }

    /// Holds back what is under way on every connection.
    pub(crate) fn hold_all(&self) {
        self.state().cables.iter().for_each(Cable::hold);
    }

    /// Lets it go on.
    pub(crate) fn release_all(&self) {
        self.state().cables.iter().for_each(Cable::release);
    }

    /// Ends the bad weather, here and for connections to come.
    pub(crate) fn clear_up(&self) {
        let mut state = self.state();
        state.weather = Weather::fine();
        state.delay = Duration::ZERO;
        for cable in &state.cables {
            cable.release();
            cable.change_weather(Weather::fine());
        }
    }

    /// Something has happened that the network cannot see.
    pub(crate) fn stir(&self) {
        self.state().cables.iter().for_each(Cable::stir);
    }

    /// The most polls of one end that came to nothing: see [`Cable::max_idle_polls`].
    pub(crate) fn max_idle_polls(&self) -> u64 {
        let state = self.state();
        let counts = state.cables.iter().map(Cable::max_idle_polls);
        counts.max().unwrap_or_default()
    }

    /// Whether both ends of every connection have closed.
    pub(crate) fn is_closed(&self) -> bool {
        self.state().cables.iter().all(Cable::is_closed)
    }

    /// The cable of the newest connection.
    pub(crate) fn cable(&self) -> Cable {
        self.state()
            .cables
            .last()
            .expect("there is a connection")
            .clone()
    }

    /// How often a client has tried to connect.
    pub(crate) fn attempt_count(&self) -> usize {
        self.state().attempt_count
    }

    /// A channel to the server, not connected yet.
    pub(crate) fn channel(&self) -> Channel {
        self.builder().lazy().unwrap()
    }

    pub(crate) fn builder(&self) -> ChannelBuilder {
        let network = self.clone();
        Channel::builder("http://server.test:1").transport(move || network.clone().connect())
    }

    /// A peer that writes its frames itself, connected to the server.
    pub(crate) async fn raw_client(&self) -> RawPeer<End> {
        RawPeer::client(self.clone().connect().await.unwrap()).await
    }

    pub(crate) async fn connect(self) -> io::Result<End> {
        self.state().attempt_count += 1;
        let delay = self.state().delay;
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        let mut state = self.state();
        let State {
            door,
            weather,
            random,
            cables,
            ..
        } = &mut *state;
        let (near, far) = link::pair(weather, random);
        let cable = near.cable();
        match door {
            Some(door) if door.send(far).is_ok() => {
                cables.push(cable);
                Ok(near)
            }
            _ => Err(io::Error::new(
                io::ErrorKind::ConnectionRefused,
                "nobody listens",
            )),
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }
}

impl Running {
    /// Begins a graceful shutdown.
    pub(crate) fn stop(&mut self) {
        self.stop
            .take()
            .expect("once")
            .send(())
            .expect("the server runs");
    }

    /// Begins a graceful shutdown, unless it has begun or the server has been dropped.
    pub(crate) fn stop_if_running(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
    }
}

/// Where connections come out.
pub(crate) struct Door(mpsc::UnboundedReceiver<End>);

impl Door {
    /// The next connection, for a peer that writes its frames itself.
    pub(crate) async fn raw_server(&mut self, settings: &[(u16, u32)]) -> RawPeer<End> {
        RawPeer::server(self.0.recv().await.expect("a client connects"), settings).await
    }

    /// The next connection, with nothing said on it.
    pub(crate) async fn next(&mut self) -> End {
        self.0.recv().await.expect("a client connects")
    }
}

impl Door {
    /// The next connection, if one has been made.
    pub(crate) fn try_next(&mut self) -> Option<End> {
        self.0.try_recv().ok()
    }
}

impl Listener for Door {
    type Io = End;

    async fn accept(&mut self) -> io::Result<(End, Option<SocketAddr>)> {
        match self.0.recv().await {
            Some(end) => Ok((end, None)),
            None => std::future::pending().await,
        }
    }
}
