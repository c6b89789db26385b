//! A web service that works on one order at a time, however many instances of it there are: whoever
//! asks while an order is being worked on gets 409 and may ask again.
//!
//! `cargo run --example web -- redis://10.0.0.1 redis://10.0.0.2 redis://10.0.0.3`, then
//! `curl -X POST http://127.0.0.1:8080/orders/42`. The address is `LISTEN`, if that is set.
#![allow(clippy::print_stdout, reason = "an example talks")]

use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::post;
use leasehold::{AcquireError, Client, WithLockError};
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // One client for the whole service: it is one task, whatever the number of leases.
    let client = Client::connect(std::env::args().skip(1)).await?;
    let app = Router::new().route("/orders/{id}", post(pay)).with_state(client.clone());
    let address = std::env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:8080".to_owned());
    let listener = tokio::net::TcpListener::bind(address).await?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    println!("listens on {}", listener.local_addr()?);
    let stop = async move {
        interrupt.recv().await;
    };
    axum::serve(listener, app).with_graceful_shutdown(stop).await?;
    // After the last request: what those have not released is released now.
    client.shutdown().await?;
    Ok(())
}

async fn pay(
    State(client): State<Client>,
    Path(id): Path<u64>,
) -> Result<String, (StatusCode, String)> {
    let key = format!("orders:{id}");
    // A request whose client hangs up is dropped, and the lock with it.
    let guard = match client.acquire_within(&key, Duration::from_millis(200)).await {
        Ok(guard) => guard,
        Err(error @ AcquireError::Timeout { .. }) => {
            return Err((StatusCode::CONFLICT, error.to_string()));
        }
        Err(error) => return Err((StatusCode::SERVICE_UNAVAILABLE, error.to_string())),
    };
    tokio::select! {
        receipt = charge(id) => {
            let _ = guard.release().await;
            Ok(receipt)
        }
        loss = guard.lost() => {
            let lost = WithLockError::Lost { key, loss, last: guard.last_failure() };
            Err((StatusCode::SERVICE_UNAVAILABLE, lost.to_string()))
        }
    }
}

async fn charge(id: u64) -> String {
    tokio::time::sleep(Duration::from_secs(1)).await;
    format!("order {id} is paid\n")
}
