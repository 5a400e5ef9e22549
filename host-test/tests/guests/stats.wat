;; Defines the stats that its configuration lists and records a value into each.
;; Configuration: for each stat one byte of type, a u32 length, the name, a u64 value (all little-endian).
(module
  (import "env" "proxy_get_buffer_bytes" (func $get (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_define_metric" (func $define (param i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_record_metric" (func $record (param i32 i64) (result i32)))
  (memory (export "memory") 64)
  (global $free (mut i32) (i32.const 65536))
  (func (export "malloc") (param $size i32) (result i32)
    (global.get $free)
    (global.set $free (i32.add (global.get $free) (local.get $size))))
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "proxy_on_context_create") (param i32 i32))
  (func (export "proxy_on_vm_start") (param i32 i32) (result i32) (i32.const 1))
  (func (export "proxy_on_configure") (param $root i32) (param $size i32) (result i32)
    (local $at i32) (local $end i32) (local $length i32)
    ;; 7 = plugin configuration; address to 0, size to 4, metric id to 8
    (drop (call $get (i32.const 7) (i32.const 0) (local.get $size) (i32.const 0) (i32.const 4)))
    (local.set $at (i32.load (i32.const 0)))
    (local.set $end (i32.add (local.get $at) (i32.load (i32.const 4))))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
        (local.set $length (i32.load (i32.add (local.get $at) (i32.const 1))))
        (drop (call $define (i32.load8_u (local.get $at)) (i32.add (local.get $at) (i32.const 5))
          (local.get $length) (i32.const 8)))
        (local.set $at (i32.add (i32.add (local.get $at) (i32.const 5)) (local.get $length)))
        (drop (call $record (i32.load (i32.const 8)) (i64.load (local.get $at))))
        (local.set $at (i32.add (local.get $at) (i32.const 8)))
        (br $next)))
    (i32.const 1)))
