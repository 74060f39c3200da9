//! What makes an algorithm a module.

/// Makes a [`Mapper`](crate::Mapper) a module: `mapper!(Type)`, or `mapper!(Type, derive)` where it implements
/// [`Derive`](crate::Derive). Once in a crate, whose `algorithm.toml` becomes the declaration; does nothing in a native build.
#[macro_export]
macro_rules! mapper {
    ($type:ty) => {
        $crate::module!($type, init_mapper, {
            sbx_map(batch: u32) -> map;
        });
    };
    ($type:ty, derive) => {
        $crate::module!($type, init_mapper, {
            sbx_map(batch: u32) -> map;
            sbx_derive(figures: u32) -> derive;
        });
    };
}

/// Makes an [`Aggregate`](crate::Aggregate) a module: `aggregate!(Type)`, or `aggregate!(Type, merge)` where it implements
/// [`Merge`](crate::Merge). Once in a crate, whose `algorithm.toml` becomes the declaration; does nothing in a native
/// build.
#[macro_export]
macro_rules! aggregate {
    ($type:ty) => {
        $crate::module!($type, init_aggregate, {
            sbx_update(batch: u32) -> update;
            sbx_finish() -> finish;
        });
    };
    ($type:ty, merge) => {
        $crate::module!($type, init_aggregate, {
            sbx_update(batch: u32) -> update;
            sbx_state() -> state;
            sbx_merge(state: u32, len: u32) -> merge;
            sbx_finish() -> finish;
        });
    };
}

/// Exports functions of the contract, and the declaration as a custom section.
#[doc(hidden)]
#[macro_export]
macro_rules! module {
    ($type:ty, $init:ident, { $($name:ident($($argument:ident: u32),*) -> $function:ident;)* }) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            #[link_section = "tidegate:algorithm"]
            static DECLARATION: [u8; $crate::module!(@declaration).len()] = *$crate::module!(@declaration);

            static PLACE: $crate::export::Slot<$crate::export::Exported<$type>> =
                $crate::export::Slot::new($crate::export::Exported::new());

            #[no_mangle]
            extern "C" fn sbx_buffer(bytes: u32) -> u32 {
                $crate::export::buffer(&PLACE, bytes)
            }

            #[no_mangle]
            extern "C" fn sbx_init(setup: u32) -> u32 {
                $crate::export::$init(&PLACE, setup)
            }

            $(
                #[no_mangle]
                extern "C" fn $name($($argument: u32),*) -> u32 {
                    $crate::export::$function(&PLACE $(, $argument)*)
                }
            )*
        };
    };
    (@declaration) => {
        include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/algorithm.toml"))
    };
}
