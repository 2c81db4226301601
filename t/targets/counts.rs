// SPDX-License-Identifier: MIT
//! A fuzz target as cargo-fuzz would make it, without a crate that has to be fetched.
#![no_main]
use std::collections::HashMap;

#[no_mangle]
pub extern "C" fn LLVMFuzzerTestOneInput(data: *const u8, size: usize) -> i32 {
    if size == 0 {
        return 0;
    }
    let bytes = unsafe { std::slice::from_raw_parts(data, size) };
    let mut counts: HashMap<u8, usize> = HashMap::new();
    for byte in bytes {
        *counts.entry(*byte).or_default() += 1;
    }
    if counts.get(&bytes[0]) == Some(&3) {
        std::hint::black_box(format!("{bytes:?}"));
    }
    0
}
