//! The server that the examples of the four kinds of call talk to, on a free port of this machine.

#![allow(dead_code, reason = "each example starts it in its own way")]

use hikyaku::server::{self, Replies, Requests, ServeError};
use hikyaku::{Request, Response, Server, Status};

use crate::proto::numbers::{Number, Numbers, NumbersServer};

struct Service;

impl Numbers for Service {
    async fn square(&self, request: Request<Number>) -> Result<Response<Number>, Status> {
        let value = request.message().value;
        let square = value
            .checked_mul(value)
            .ok_or_else(|| Status::out_of_range("too large"))?;
        Ok(number(square).into())
    }

    async fn count_to(
        &self,
        request: Request<Number>,
        mut replies: Replies<Number>,
    ) -> Result<(), Status> {
        for value in 1..=request.message().value {
            replies.send(number(value)).await?; // waits when the client is slow
        }
        Ok(())
    }

    async fn sum(&self, mut requests: Requests<Number>) -> Result<Response<Number>, Status> {
        let mut sum = 0_u64;
        while let Some(request) = requests.next().await? {
            sum = sum.wrapping_add(request.value);
        }
        Ok(number(sum).into())
    }

    async fn running_sum(
        &self,
        mut requests: Requests<Number>,
        mut replies: Replies<Number>,
    ) -> Result<(), Status> {
        let mut sum = 0_u64;
        while let Some(request) = requests.next().await? {
            sum = sum.wrapping_add(request.value);
            replies.send(number(sum)).await?;
        }
        Ok(())
    }
}

fn number(value: u64) -> Number {
    Number {
        value,
        ..Default::default()
    }
}

/// Starts the server in a task, and tells its address.
pub(crate) async fn start() -> Result<String, Status> {
    let listener = server::bind("127.0.0.1:0").await.map_err(no_server)?;
    let addr = listener.local_addr().map_err(no_server)?;
    tokio::spawn(
        Server::new()
            .add(NumbersServer::new(Service))
            .serve_listener(listener),
    );
    Ok(format!("http://{addr}"))
}

/// Starts the server on a thread of its own, and tells its address.
pub(crate) fn start_thread() -> Result<String, Status> {
    let runtime = server::runtime(1).map_err(no_server)?;
    let listener = runtime
        .block_on(server::bind("127.0.0.1:0"))
        .map_err(no_server)?;
    let addr = listener.local_addr().map_err(no_server)?;
    std::thread::spawn(move || -> Result<(), ServeError> {
        let service = NumbersServer::new(Service);
        runtime.block_on(Server::new().add(service).serve_listener(listener))
    });
    Ok(format!("http://{addr}"))
}

fn no_server(error: std::io::Error) -> Status {
    Status::unavailable(error.to_string())
}
