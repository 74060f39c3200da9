//! Tidegate: privacy-preserving computation between organisations.
