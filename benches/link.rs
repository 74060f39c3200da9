//! Links: establishing one, and moving data over it.

use std::io::{Read, Write};
use std::sync::mpsc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tidegate::identity::Identity;
use tidegate::link::{CancelToken, Endpoint, Link, LinkConfig, LinkNotice, Timing, establish};

const TRANSFER_BYTES: usize = 16 << 20;

/// Makes a link over loopback; `server` runs on the listening side.
fn with_link(server: impl FnOnce(Link) + Send, client: impl FnOnce(Link)) {
    let [a, b] = [(); 2].map(|()| Identity::generate(&mut rand::rng()));
    let name = "peer".parse::<tidegate_mpc::PartyId>().expect("a good name");
    let config = |identity, peer: &Identity| LinkConfig {
        identity,
        peer_name: name.clone(),
        peer_key: peer.public(),
        alpn: b"tidegate-bench/1",
        timing: Timing::default(),
    };
    let (port, address) = mpsc::channel();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut notice = |notice| {
                if let LinkNotice::Listening { address } = notice {
                    port.send(address).expect("the other side waits");
                }
            };
            let endpoint = Endpoint::Listen("127.0.0.1:0".into());
            let link = establish(&endpoint, &config(&a, &b), &CancelToken::new(), &mut notice);
            server(link.expect("the other side connects"));
        });
        let endpoint = Endpoint::Connect(address.recv().expect("an address").to_string());
        let link = establish(&endpoint, &config(&b, &a), &CancelToken::new(), &mut |_| ());
        client(link.expect("the other side listens"));
    });
}

fn links(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("link");
    group.sample_size(10);
    group.bench_function("establish-and-close/1", |bencher| {
        bencher.iter(|| {
            let close = |link: Link| {
                link.close().expect("an orderly end");
            };
            with_link(close, close);
        });
    });
    group.throughput(Throughput::Bytes(TRANSFER_BYTES as u64));
    group.bench_function("transfer/16-mib", |bencher| {
        bencher.iter(|| {
            let send = |mut link: Link| {
                link.write_all(&vec![7; TRANSFER_BYTES]).expect("the other side reads");
                link.close().expect("an orderly end");
            };
            let receive = |mut link: Link| {
                let mut data = Vec::new();
                link.read_to_end(&mut data).expect("the other side closes");
                assert_eq!(data.len(), TRANSFER_BYTES);
                link.close().expect("an orderly end");
            };
            with_link(send, receive);
        });
    });
    group.finish();
}

criterion_group!(benches, links);
criterion_main!(benches);
