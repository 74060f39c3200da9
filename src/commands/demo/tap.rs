//! A line between two processes that goes dead in the middle: it passes so many bytes on and then no more.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

/// How long the far end may take to be there.
const PATIENCE: Duration = Duration::from_secs(60);

/// A line that was laid.
pub(super) struct Tap {
    /// Where the near end connects to.
    pub(super) address: String,
    /// Tells once the line is dead.
    pub(super) dead: Receiver<()>,
}

/// Lays a line to `far` that passes `most` bytes on from the near end to it.
pub(super) fn lay(far: String, most: u64) -> io::Result<Tap> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?.to_string();
    let (tell, dead) = channel();
    // What goes wrong here shows in what the two processes say.
    thread::spawn(move || drop(pass(&listener, &far, most, &tell)));
    Ok(Tap { address, dead })
}

fn pass(listener: &TcpListener, far: &str, most: u64, tell: &Sender<()>) -> io::Result<()> {
    let (near, _) = listener.accept()?;
    let far = connect(far)?;
    let (mut up, mut down) = (near.try_clone()?, far.try_clone()?);
    let mut to_near = near.try_clone()?;
    thread::spawn(move || drop(io::copy(&mut down, &mut to_near)));
    let mut to_far = far.try_clone()?;
    io::copy(&mut Read::by_ref(&mut up).take(most), &mut to_far)?;
    to_far.flush()?;
    let _ = tell.send(());
    // The near end notices nothing until it is gone.
    io::copy(&mut up, &mut io::sink())?;
    far.shutdown(Shutdown::Both)
}

fn connect(address: &str) -> io::Result<TcpStream> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match TcpStream::connect(address) {
            Err(_) if Instant::now() < deadline => thread::sleep(Duration::from_millis(50)),
            connected => return connected,
        }
    }
}
