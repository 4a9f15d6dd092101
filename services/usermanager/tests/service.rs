//! Every method over a real connection, on both stores.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use hikyaku::{Channel, Code, Server, Status};
use tokio::sync::oneshot;
use usermanager::proto::hellostreamingworld::{HelloRequest, MultiGreeterClient};
use usermanager::proto::{
    ChatMessage, User, UserManagerClient, UserRequest, UserResponse, UserTypeRequest,
};
use usermanager::serve::serve_store;
use usermanager::store::{Missing, Store, StoreUrl};
use usermanager::users_json;

/// Serves the users of the seed from each store in turn, and lets a client at it.
async fn serving(behaviour: impl AsyncFn(&UserManagerClient, &MultiGreeterClient)) {
    let file = database_file();
    for url in [StoreUrl::Memory, StoreUrl::Sqlite(file.clone())] {
        let store = Arc::new(Store::open(&url, Missing::Create).unwrap());
        let users = users_json::parse(include_str!("../users.json")).unwrap();
        store.import(users).await.unwrap();
        let listener = hikyaku::server::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (end, ended) = oneshot::channel::<()>();
        let shutdown = async { ended.await.unwrap_or_default() };
        let server = tokio::spawn(serve_store(
            Arc::clone(&store),
            listener,
            Server::new(),
            shutdown,
        ));

        let channel = Channel::connect(&format!("http://{address}"))
            .await
            .unwrap();
        let users = UserManagerClient::new(channel.clone());
        behaviour(&users, &MultiGreeterClient::new(channel)).await;

        drop((users, end));
        server.await.unwrap().unwrap();
        store.close().await.unwrap();
    }
    fs::remove_file(file).unwrap();
}

fn database_file() -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("usermanager-service-{}-{count}.db", std::process::id());
    std::env::temp_dir().join(name)
}

fn request(id: u32) -> UserRequest {
    UserRequest {
        id,
        ..Default::default()
    }
}

fn user(id: u32, user_type: i32) -> User {
    User {
        id,
        user_type: user_type.into(),
        ..Default::default()
    }
}

fn of_type(user_type: i32) -> UserTypeRequest {
    UserTypeRequest {
        user_type: user_type.into(),
        ..Default::default()
    }
}

fn error(message: &str) -> UserResponse {
    UserResponse {
        error: true,
        message: message.to_owned(),
        ..Default::default()
    }
}

async fn ids_of_type(users: &UserManagerClient, user_type: i32) -> Result<Vec<u32>, Status> {
    let mut ids = Vec::new();
    let mut replies = users.get_users_by_type(of_type(user_type)).await?;
    while let Some(reply) = replies.next().await? {
        ids.push(reply.user.id);
    }
    Ok(ids)
}

#[tokio::test]
async fn get_user_answers_the_user_or_not_found() {
    serving(async |users, _| {
        let found = users.get_user(request(5)).await.unwrap().into_message();
        assert_eq!((found.error, found.message.as_str()), (false, ""));
        let zaru = User {
            nickname: "Zaru".to_owned(),
            mail_address: "zaru@example.com".to_owned(),
            ..user(5, 1)
        };
        assert_eq!(found.user.as_option(), Some(&zaru));
        let missing = users.get_user(request(7)).await.unwrap().into_message();
        assert_eq!(missing, error("not found"));
    })
    .await;
}

#[tokio::test]
async fn add_user_echoes_the_user_or_says_already_exist() {
    serving(async |users, _| {
        let new = User {
            nickname: "飛脚".to_owned(),
            ..user(u32::MAX, 0)
        };
        let echo = UserResponse {
            user: new.clone().into(),
            ..Default::default()
        };
        for want in [echo, error("already exist")] {
            let answer = users.add_user(new.clone()).await.unwrap().into_message();
            assert_eq!(answer, want);
        }
        let kept = users
            .get_user(request(u32::MAX))
            .await
            .unwrap()
            .into_message();
        assert_eq!(kept.user.as_option(), Some(&new));
    })
    .await;
}

#[tokio::test]
async fn counting_counts_every_request_whose_id_exists() {
    serving(async |users, _| {
        let ids = [1, 2, 2, 9, 6, 1];
        let mut requests = users.count_already_users(()).await.unwrap();
        for id in ids {
            requests.send(request(id)).await.unwrap();
        }
        assert_eq!(requests.finish().await.unwrap().message().user_cnt, 5);

        let mut requests = users.get_client_stream(()).await.unwrap();
        for id in ids {
            requests.send(request(id)).await.unwrap();
        }
        let answer = requests.finish().await.unwrap().into_message();
        assert_eq!(answer.user.as_option(), Some(&user(5, 0)));

        let requests = users.count_already_users(()).await.unwrap();
        assert_eq!(requests.finish().await.unwrap().message().user_cnt, 0);
    })
    .await;
}

#[tokio::test]
async fn users_of_a_type_come_in_the_order_they_were_added() {
    serving(async |users, _| {
        assert_eq!(ids_of_type(users, 1).await.unwrap(), [3, 5, 6]);
        assert_eq!(ids_of_type(users, 0).await.unwrap(), Vec::<u32>::new());
        let added: Vec<u32> = (1000..1600).rev().collect();
        for &id in &added {
            users.add_user(user(id, 0)).await.unwrap();
        }
        assert_eq!(ids_of_type(users, 0).await.unwrap(), added);
    })
    .await;
}

#[tokio::test]
async fn ids_are_answered_one_by_one_and_unknown_ones_skipped() {
    serving(async |users, _| {
        let (mut requests, mut replies) = users.get_users_by_ids(()).await.unwrap();
        for id in [6, 1, 6] {
            requests.send(request(99)).await.unwrap();
            requests.send(request(id)).await.unwrap();
            // The next id goes out only after this one was answered.
            let reply = replies.next().await.unwrap().unwrap();
            assert_eq!((reply.error, reply.user.id), (false, id));
        }
        requests.finish();
        assert_eq!(replies.next().await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn a_chat_message_gets_two_replies_of_its_id() {
    serving(async |users, _| {
        let (mut requests, mut replies) = users.connect_chat(()).await.unwrap();
        for id in [1, 0, 7] {
            let message = "hello".to_owned();
            requests
                .send(ChatMessage {
                    id,
                    message,
                    ..Default::default()
                })
                .await
                .unwrap();
            for want in ["Thank!!!", "good day!!!"] {
                let reply = replies.next().await.unwrap().unwrap();
                assert_eq!((reply.id, reply.message.as_str()), (id, want));
            }
        }
        requests.finish();
        assert_eq!(replies.next().await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn numbers_out_of_range_are_invalid_arguments_and_store_nothing() {
    serving(async |users, _| {
        let (zero, types) = ("id 0 is not allowed", "allowed: NONE (0), NORMAL (1)");
        let mut count = users.count_already_users(()).await.unwrap();
        count.send(request(0)).await.unwrap();
        let (mut by_ids, mut replies) = users.get_users_by_ids(()).await.unwrap();
        by_ids.send(request(0)).await.unwrap();
        let table = [
            (
                "GetUser",
                users.get_user(request(0)).await.unwrap_err(),
                zero,
            ),
            (
                "AddUser",
                users.add_user(user(0, 1)).await.unwrap_err(),
                zero,
            ),
            (
                "AddUser type",
                users.add_user(user(70, 5)).await.unwrap_err(),
                types,
            ),
            (
                "AddUser negative",
                users.add_user(user(70, -1)).await.unwrap_err(),
                types,
            ),
            (
                "GetUsersByType",
                ids_of_type(users, 9).await.unwrap_err(),
                types,
            ),
            ("CountAlreadyUsers", count.finish().await.unwrap_err(), zero),
            ("GetUsersByIds", replies.next().await.unwrap_err(), zero),
        ];
        for (call, status, want) in table {
            assert_eq!(status.code(), Code::InvalidArgument, "{call}");
            assert!(
                status.message().contains(want),
                "{call}: {}",
                status.message()
            );
        }
        let missing = users.get_user(request(70)).await.unwrap().into_message();
        assert_eq!(missing, error("not found"));
    })
    .await;
}

#[tokio::test]
async fn greetings_are_as_many_as_asked_for() {
    serving(async |_, greeter| {
        for (num_greetings, want) in [("", Ok(10)), ("2", Ok(2)), ("0", Ok(0)), ("two", Err(()))] {
            let request = HelloRequest {
                name: "you".to_owned(),
                num_greetings: num_greetings.to_owned(),
                ..Default::default()
            };
            let greeted = async {
                let mut greeting_count = 0;
                let mut replies = greeter.say_hello(request).await?;
                while let Some(reply) = replies.next().await? {
                    assert_eq!(reply.message, "Hello you!");
                    greeting_count += 1;
                }
                Ok::<_, Status>(greeting_count)
            };
            let greeted = greeted.await.map_err(|status| {
                assert_eq!(status.code(), Code::InvalidArgument);
            });
            assert_eq!(greeted, want, "{num_greetings:?}");
        }
    })
    .await;
}
