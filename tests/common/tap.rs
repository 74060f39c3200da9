//! A line between two processes that goes dead in the middle: it passes so many bytes on and then no more.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use super::PATIENCE;

/// A line that was laid.
pub(crate) struct Tap {
    /// Where the near end connects to.
    pub(crate) address: String,
    dead: Receiver<()>,
}

impl Tap {
    /// Lays a line to `far` that passes `most` bytes on from the near end to it, and everything the other way.
    pub(crate) fn lay(far: &str, most: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let ((tell, dead), far) = (channel(), far.to_owned());
        // What goes wrong here shows in what the two processes say.
        thread::spawn(move || drop(pass(&listener, &far, most, &tell)));
        Self { address, dead }
    }

    /// Waits until the line is dead.
    pub(crate) fn wait_until_dead(&self) {
        self.dead.recv_timeout(PATIENCE).expect("the near end sends more than the line passes on");
    }
}

fn pass(listener: &TcpListener, far: &str, most: u64, tell: &Sender<()>) -> io::Result<()> {
    let (near, _) = listener.accept()?;
    let far = TcpStream::connect(far)?;
    let (mut up, mut down) = (near.try_clone()?, far.try_clone()?);
    let mut to_near = near.try_clone()?;
    thread::spawn(move || {
        // The near end learns at once that the far end is gone.
        let passed = io::copy(&mut down, &mut to_near);
        passed.and_then(|_| to_near.shutdown(Shutdown::Write))
    });
    let mut to_far = far.try_clone()?;
    let passed = io::copy(&mut Read::by_ref(&mut up).take(most), &mut to_far)?;
    to_far.flush()?;
    if passed == most {
        let _ = tell.send(());
    }
    // The near end notices nothing until it is gone.
    io::copy(&mut up, &mut io::sink())?;
    far.shutdown(Shutdown::Both)
}
