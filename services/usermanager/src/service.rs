//! `UserManager`: one method or more for each of the four kinds of call.

use std::sync::Arc;

use hikyaku::server::{Replies, Requests};
use hikyaku::{Code, Request, Response, Status};

use crate::proto::{
    self, ChatMessage, UserCntResponse, UserManager, UserRequest, UserResponse, UserTypeRequest,
};
use crate::store::{Added, Cursor, Of, Store};
use crate::wire;

/// Answers about the users of a store.
#[derive(Clone, Debug)]
pub struct Users {
    store: Arc<Store>,
}

impl Users {
    /// Answers about the users of this store.
    #[must_use]
    pub fn new(store: Arc<Store>) -> Self {
        Self { store }
    }

    /// Counts the requests whose id exists, repeats included.
    async fn count(&self, mut requests: Requests<UserRequest>) -> Result<u32, Status> {
        let mut user_count: u32 = 0;
        while let Some(request) = requests.next().await? {
            if self.store.contains(wire::user_id(request.id)?).await? {
                user_count = user_count.checked_add(1).ok_or_else(|| {
                    Status::new(Code::OutOfRange, format!("more than {} users", u32::MAX))
                })?;
            }
        }
        Ok(user_count)
    }
}

impl UserManager for Users {
    async fn get_user(
        &self,
        request: Request<UserRequest>,
    ) -> Result<Response<UserResponse>, Status> {
        let id = wire::user_id(request.message().id)?;
        let found = self.store.user(id).await?;
        Ok(Response::new(
            found.map_or_else(|| wire::error(NOT_FOUND), wire::found),
        ))
    }

    async fn add_user(
        &self,
        request: Request<proto::User>,
    ) -> Result<Response<UserResponse>, Status> {
        let user = wire::user(request.into_message())?;
        let answer = match self.store.add(user.clone()).await? {
            Added::New => wire::found(user),
            Added::Taken => wire::error(ALREADY_EXIST),
        };
        Ok(Response::new(answer))
    }

    async fn count_already_users(
        &self,
        requests: Requests<UserRequest>,
    ) -> Result<Response<UserCntResponse>, Status> {
        let user_cnt = self.count(requests).await?;
        Ok(Response::new(UserCntResponse {
            user_cnt,
            ..Default::default()
        }))
    }

    async fn get_users_by_type(
        &self,
        request: Request<UserTypeRequest>,
        mut replies: Replies<UserResponse>,
    ) -> Result<(), Status> {
        let user_type = wire::user_type(request.message().user_type.to_i32())?;
        let mut after = Cursor::START;
        loop {
            let page = self.store.page(Of::Type(user_type), after).await?;
            if page.users.is_empty() {
                return Ok(());
            }
            for user in page.users {
                replies.send(wire::found(user)).await?;
            }
            after = page.next;
        }
    }

    async fn get_users_by_ids(
        &self,
        mut requests: Requests<UserRequest>,
        mut replies: Replies<UserResponse>,
    ) -> Result<(), Status> {
        while let Some(request) = requests.next().await? {
            if let Some(user) = self.store.user(wire::user_id(request.id)?).await? {
                replies.send(wire::found(user)).await?;
            }
        }
        Ok(())
    }

    async fn get_client_stream(
        &self,
        requests: Requests<UserRequest>,
    ) -> Result<Response<UserResponse>, Status> {
        let count = proto::User {
            id: self.count(requests).await?,
            ..Default::default()
        };
        Ok(Response::new(UserResponse {
            user: count.into(),
            ..Default::default()
        }))
    }

    async fn connect_chat(
        &self,
        mut requests: Requests<ChatMessage>,
        mut replies: Replies<ChatMessage>,
    ) -> Result<(), Status> {
        while let Some(ChatMessage { id, .. }) = requests.next().await? {
            for text in CHAT_REPLIES {
                let message = text.to_owned();
                replies
                    .send(ChatMessage {
                        id,
                        message,
                        ..Default::default()
                    })
                    .await?;
            }
        }
        Ok(())
    }
}

const NOT_FOUND: &str = "not found";

const ALREADY_EXIST: &str = "already exist";

/// What every message of a chat is answered with.
const CHAT_REPLIES: [&str; 2] = ["Thank!!!", "good day!!!"];
