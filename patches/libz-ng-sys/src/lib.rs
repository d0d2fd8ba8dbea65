//! Why does Pulsegate build without cmake?
//!
//! pingora asks flate2 for its `zlib-ng` backend, whose `-sys` crate compiles C with cmake, a tool that a fresh machine
//! with Rust and gcc does not have. This crate stands in for it through `[patch.crates-io]`: the same symbols, answered
//! by zlib-rs (pure Rust, kept by the Trifecta Tech Foundation). It holds no logic, only the types of one C interface
//! seen from two sides.
//!
//! The invariant it protects: [`z_stream`] and zlib-rs's own `z_stream` have the same layout. They differ in one point
//! only: flate2 writes plain function pointers where zlib-rs expects `Option`s of them, and Rust guarantees that those
//! two are represented alike. The assertions below keep both sizes equal.

#![allow(non_camel_case_types, non_snake_case, clippy::missing_safety_doc)]

use core::ffi::{c_char, c_int, c_uint, c_ulong, c_void};
use libz_rs_sys as rs;

pub use rs::{
    Z_BEST_COMPRESSION, Z_BEST_SPEED, Z_BLOCK, Z_BUF_ERROR, Z_DATA_ERROR, Z_DEFAULT_COMPRESSION, Z_DEFAULT_STRATEGY,
    Z_DEFLATED, Z_ERRNO, Z_FILTERED, Z_FINISH, Z_FIXED, Z_FULL_FLUSH, Z_HUFFMAN_ONLY, Z_MEM_ERROR, Z_NEED_DICT,
    Z_NO_COMPRESSION, Z_NO_FLUSH, Z_OK, Z_PARTIAL_FLUSH, Z_RLE, Z_STREAM_END, Z_STREAM_ERROR, Z_SYNC_FLUSH, Z_TREES,
    Z_VERSION_ERROR, zlibVersion,
};

pub type Bytef = u8;
pub type uInt = c_uint;
pub type uLong = c_ulong;
pub type voidpf = *mut c_void;
pub type alloc_func = unsafe extern "C" fn(voidpf, uInt, uInt) -> voidpf;
pub type free_func = unsafe extern "C" fn(voidpf, voidpf);

pub enum internal_state {}

#[repr(C)]
#[derive(Copy, Clone)]
pub struct z_stream {
    pub next_in: *mut Bytef,
    pub avail_in: uInt,
    pub total_in: uLong,
    pub next_out: *mut Bytef,
    pub avail_out: uInt,
    pub total_out: uLong,
    pub msg: *mut c_char,
    pub state: *mut internal_state,
    pub zalloc: alloc_func,
    pub zfree: free_func,
    pub opaque: voidpf,
    pub data_type: c_int,
    pub adler: uLong,
    pub reserved: uLong,
}
pub type z_streamp = *mut z_stream;

const _: () = assert!(size_of::<z_stream>() == size_of::<rs::z_stream>());
const _: () = assert!(align_of::<z_stream>() == align_of::<rs::z_stream>());

/// Declares a function of this crate that hands its stream to the function of the same name in zlib-rs.
macro_rules! same_in_zlib_rs {
    ($(fn $name:ident($($arg:ident: $kind:ty),*) -> c_int;)*) => {$(
        // SAFETY: the caller keeps zlib's contract for `strm`; the layouts agree (see the header of this file).
        pub unsafe extern "C" fn $name(strm: z_streamp $(, $arg: $kind)*) -> c_int {
            unsafe { rs::$name(strm.cast::<rs::z_stream>() $(, $arg)*) }
        }
    )*};
}

same_in_zlib_rs! {
    fn deflate(flush: c_int) -> c_int;
    fn deflateEnd() -> c_int;
    fn deflateReset() -> c_int;
    fn deflateParams(level: c_int, strategy: c_int) -> c_int;
    fn deflateSetDictionary(dictionary: *const Bytef, length: uInt) -> c_int;
    fn deflateInit2_(level: c_int, method: c_int, window_bits: c_int, mem_level: c_int, strategy: c_int, version: *const c_char, size: c_int) -> c_int;
    fn inflate(flush: c_int) -> c_int;
    fn inflateEnd() -> c_int;
    fn inflateReset2(window_bits: c_int) -> c_int;
    fn inflateSetDictionary(dictionary: *const Bytef, length: uInt) -> c_int;
    fn inflateInit2_(window_bits: c_int, version: *const c_char, size: c_int) -> c_int;
}
