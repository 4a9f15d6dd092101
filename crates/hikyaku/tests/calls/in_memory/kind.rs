//! The four kinds of call, so that a table can go over them.

use std::time::Instant;

use hikyaku::{Channel, Request, Status};

use super::{Calling, Calls, collect};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Ask,
    List,
    Tell,
    Talk,
}

impl Kind {
    pub(crate) const ALL: [Self; 4] = [Self::Ask, Self::List, Self::Tell, Self::Talk];

    /// The path of the method of this kind, of those that [`Calls::of_every_kind`] makes.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Ask => "/test.Calls/Ask",
            Self::List => "/test.Calls/List",
            Self::Tell => "/test.Calls/Tell",
            Self::Talk => "/test.Calls/Talk",
        }
    }

    /// Makes a call with one request, and waits for its last reply.
    pub(crate) async fn call(
        self,
        channel: &Channel,
        request: impl Into<Request<u64>>,
    ) -> Result<u64, Status> {
        let request = request.into();
        let number = *request.message();
        let head = || request.clone().map(|_| ());
        let last = |(all, end): (Vec<u64>, Result<(), Status>)| end.map(|()| all[all.len() - 1]);
        match self {
            Self::Ask => Ok(channel.ask(self.path(), request).await?.into_message()),
            Self::List => last(collect(channel.list(self.path(), request).await).await),
            Self::Tell => {
                let mut call = channel.tell(self.path(), head()).await;
                let _ = call.send(number).await;
                Ok(call.finish().await?.into_message())
            }
            Self::Talk => {
                let (mut sender, replies) = channel.talk(self.path(), head()).await;
                let _ = sender.send(number).await;
                last(collect(replies).await)
            }
        }
    }
}

impl Calls {
    /// A method of each kind, which all do the same: they are given the deadline, and give a number.
    /// The streams of replies begin with another, before that.
    pub(crate) fn of_every_kind<H, F>(handle: H) -> Self
    where
        H: Fn(Option<Instant>) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Result<u64, Status>> + Send + 'static,
    {
        let [ask, list, tell, talk] = [(); 4].map(|()| handle.clone());
        Self::new()
            .unary(Kind::Ask.path(), move |request| {
                let handled = ask(request.deadline());
                async { Ok(handled.await?.into()) }
            })
            .server_streaming(Kind::List.path(), move |request, mut replies| {
                let handled = list(request.deadline());
                async move {
                    replies.send(0).await?;
                    replies.send(handled.await?).await
                }
            })
            .client_streaming(Kind::Tell.path(), move |requests| {
                let handled = tell(requests.deadline());
                async move {
                    let _requests = requests;
                    Ok(handled.await?.into())
                }
            })
            .bidi(Kind::Talk.path(), move |requests, mut replies| {
                let handled = talk(requests.deadline());
                async move {
                    let _requests = requests;
                    replies.send(0).await?;
                    replies.send(handled.await?).await
                }
            })
    }
}
