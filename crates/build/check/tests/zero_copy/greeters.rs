//! The greeter, served with views and with owned messages: each notes where the names are.

use std::mem;
use std::sync::{Arc, Mutex};

use hikyaku::server::{Replies, Requests, Service};
use hikyaku::{Request, Response, Status, View};
use hikyaku_build_check::proto::helloworld as owned;
use hikyaku_build_check::view_requests::helloworld as views;

use super::allocator::{self, Counted};

/// A name, as a handler found it.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) address: usize,
    pub(crate) len: usize,
    /// What was allocated since the last read of the socket.
    pub(crate) counted: Counted,
}

/// What the handlers of one server have seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<Seen>>>);

impl Log {
    fn note(&self, counted: Counted, name: &str) {
        assert!(name.bytes().all(|byte| byte == b'n'), "the name is whole");
        self.0.lock().unwrap().push(Seen {
            address: name.as_ptr().addr(),
            len: name.len(),
            counted,
        });
    }

    pub(crate) fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    pub(crate) fn take(&self) -> Vec<Seen> {
        mem::take(&mut self.0.lock().unwrap())
    }
}

/// A greeter that can be served.
pub(crate) trait Greets {
    type Server: Service;

    fn log(&self) -> Log;
    fn server(self) -> Self::Server;
}

/// Gets its requests as views.
#[derive(Debug, Default)]
pub(crate) struct Viewing {
    log: Log,
    /// All requests, of one that holds on to them.
    kept: Option<Mutex<Vec<View<views::HelloRequest>>>>,
}

impl Viewing {
    /// One that never gives the memory of a request back.
    pub(crate) fn keeping() -> Self {
        Self {
            log: Log::default(),
            kept: Some(Mutex::default()),
        }
    }

    fn see(&self, counted: Counted, request: View<views::HelloRequest>) {
        self.log.note(counted, request.name());
        if let Some(kept) = &self.kept {
            kept.lock().unwrap().push(request);
        }
    }
}

impl Greets for Viewing {
    type Server = views::GreeterServer<Self>;

    fn log(&self) -> Log {
        self.log.clone()
    }

    fn server(self) -> Self::Server {
        views::GreeterServer::new(self)
    }
}

impl views::Greeter for Viewing {
    async fn say_hello(
        &self,
        request: Request<View<views::HelloRequest>>,
    ) -> Result<Response<views::HelloReply>, Status> {
        self.see(allocator::counted(), request.into_message());
        Ok(views::HelloReply::default().into())
    }

    async fn say_many_hellos(
        &self,
        request: Request<View<views::HelloRequest>>,
        _replies: Replies<views::HelloReply>,
    ) -> Result<(), Status> {
        self.see(allocator::counted(), request.into_message());
        Ok(())
    }

    async fn greet_all(
        &self,
        mut requests: Requests<View<views::HelloRequest>>,
    ) -> Result<Response<views::HelloReply>, Status> {
        while let Some(request) = requests.next().await? {
            self.see(allocator::counted(), request);
        }
        Ok(views::HelloReply::default().into())
    }

    async fn chat(
        &self,
        mut requests: Requests<View<views::HelloRequest>>,
        _replies: Replies<views::HelloReply>,
    ) -> Result<(), Status> {
        while let Some(request) = requests.next().await? {
            self.see(allocator::counted(), request);
        }
        Ok(())
    }
}

/// Gets its requests as messages of their own.
#[derive(Debug, Default)]
pub(crate) struct Owned {
    log: Log,
}

impl Owned {
    fn see(&self, counted: Counted, request: &owned::HelloRequest) {
        self.log.note(counted, &request.name);
    }
}

impl Greets for Owned {
    type Server = owned::GreeterServer<Self>;

    fn log(&self) -> Log {
        self.log.clone()
    }

    fn server(self) -> Self::Server {
        owned::GreeterServer::new(self)
    }
}

impl owned::Greeter for Owned {
    async fn say_hello(
        &self,
        request: Request<owned::HelloRequest>,
    ) -> Result<Response<owned::HelloReply>, Status> {
        self.see(allocator::counted(), request.message());
        Ok(owned::HelloReply::default().into())
    }

    async fn say_many_hellos(
        &self,
        request: Request<owned::HelloRequest>,
        _replies: Replies<owned::HelloReply>,
    ) -> Result<(), Status> {
        self.see(allocator::counted(), request.message());
        Ok(())
    }

    async fn greet_all(
        &self,
        mut requests: Requests<owned::HelloRequest>,
    ) -> Result<Response<owned::HelloReply>, Status> {
        while let Some(request) = requests.next().await? {
            self.see(allocator::counted(), &request);
        }
        Ok(owned::HelloReply::default().into())
    }

    async fn chat(
        &self,
        mut requests: Requests<owned::HelloRequest>,
        _replies: Replies<owned::HelloReply>,
    ) -> Result<(), Status> {
        while let Some(request) = requests.next().await? {
            self.see(allocator::counted(), &request);
        }
        Ok(())
    }
}
