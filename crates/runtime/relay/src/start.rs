//! What a C library would do for the bare relay: the entry from the kernel, memory, and the few functions that compiled code
//! takes for granted.

#[cfg(not(all(target_os = "linux", target_arch = "x86_64", target_pointer_width = "64")))]
compile_error!("the bare relay is there for Linux on x86-64; build it without the feature `bare`");

use core::alloc::{GlobalAlloc, Layout};
use core::arch::{asm, global_asm};
use core::cell::UnsafeCell;
use core::panic::PanicInfo;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use crate::say;
use crate::system_call::exit;

// The kernel enters with the stack pointer at the number of arguments; `begin` is called as the ABI wants it.
global_asm!(
    ".globl _start",
    "_start:",
    "xor ebp, ebp",
    "mov rdi, rsp",
    "and rsp, -16",
    "call {begin}",
    "ud2",
    begin = sym begin,
);

/// Takes apart what the kernel put on the stack: number of arguments, arguments, NULL, variables, NULL (System V ABI for
/// AMD64, §3.4.1).
unsafe extern "C" fn begin(stack: *const usize) -> ! {
    // SAFETY: that is how the kernel lays it out; it stays as it is as long as the process lives.
    let (arguments, variables) = unsafe {
        let count = *stack;
        (words(stack.add(1)), words(stack.add(count + 2)))
    };
    exit(crate::run(arguments, variables))
}

/// # Safety
/// `pointers` are those of strings that end with a NUL, up to one that is NULL, and live for ever.
unsafe fn words(pointers: *const usize) -> alloc::vec::Vec<&'static [u8]> {
    let mut found = alloc::vec::Vec::with_capacity(64);
    // SAFETY: as the caller promises.
    unsafe {
        let mut next = pointers;
        while *next != 0 {
            let text = *next as *const u8;
            found.push(core::slice::from_raw_parts(text, strlen(text)));
            next = next.add(1);
        }
    }
    found
}

#[panic_handler]
fn panicked(info: &PanicInfo<'_>) -> ! {
    say(info);
    exit(101)
}

/// Bytes that one request may use in all. They cost nothing before they are touched.
const ARENA: usize = 32 * 1024 * 1024;

/// Memory that is handed out in a row and never taken back: one process, one request.
struct Arena {
    memory: UnsafeCell<[u8; ARENA]>,
    used: AtomicUsize,
}

// SAFETY: there is one thread.
unsafe impl Sync for Arena {}

#[global_allocator]
static MEMORY: Arena = Arena { memory: UnsafeCell::new([0; ARENA]), used: AtomicUsize::new(0) };

// SAFETY: each piece lies behind those that were handed out before, and within the arena.
unsafe impl GlobalAlloc for Arena {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let base = self.memory.get() as usize;
        let start = (base + self.used.load(Relaxed)).next_multiple_of(layout.align()) - base;
        let end = start.saturating_add(layout.size());
        if end > ARENA {
            return core::ptr::null_mut();
        }
        self.used.store(end, Relaxed);
        (base + start) as *mut u8
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}

    /// What is handed out for the first time is zero already.
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as the caller promises.
        unsafe { self.alloc(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let offset = pointer as usize - self.memory.get() as usize;
        // The last piece grows where it is. None shrinks: what was written in it would not be zero.
        if size <= layout.size() {
            return pointer;
        }
        if offset + layout.size() == self.used.load(Relaxed) && offset.saturating_add(size) <= ARENA {
            self.used.store(offset + size, Relaxed);
            return pointer;
        }
        // SAFETY: the layout is that of the piece with another size, and both pieces exist.
        unsafe {
            let new = self.alloc(Layout::from_size_align_unchecked(size, layout.align()));
            if !new.is_null() {
                core::ptr::copy_nonoverlapping(pointer, new, layout.size());
            }
            new
        }
    }
}

// The compiler calls these by name. They are single instructions, for a loop might be compiled into a call of itself.

/// # Safety
/// As in C.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, count: usize) -> *mut u8 {
    // SAFETY: as the caller promises.
    unsafe {
        asm!("rep movsb", inout("rcx") count => _, inout("rdi") to => _, inout("rsi") from => _,
            options(nostack, preserves_flags));
    }
    to
}

/// # Safety
/// As in C.
#[unsafe(no_mangle)]
unsafe extern "C" fn memmove(to: *mut u8, from: *const u8, count: usize) -> *mut u8 {
    // SAFETY: as the caller promises; from its end where the beginning would be overwritten before it was read.
    unsafe {
        if (to as usize).wrapping_sub(from as usize) >= count {
            return memcpy(to, from, count);
        }
        let (last_to, last_from) = (to.wrapping_add(count).wrapping_sub(1), from.wrapping_add(count).wrapping_sub(1));
        asm!("std", "rep movsb", "cld", inout("rcx") count => _, inout("rdi") last_to => _,
            inout("rsi") last_from => _, options(nostack));
    }
    to
}

/// # Safety
/// As in C.
#[unsafe(no_mangle)]
unsafe extern "C" fn memset(to: *mut u8, byte: i32, count: usize) -> *mut u8 {
    // SAFETY: as the caller promises.
    unsafe {
        asm!("rep stosb", inout("rcx") count => _, inout("rdi") to => _, in("al") byte as u8,
            options(nostack, preserves_flags));
    }
    to
}

/// # Safety
/// As in C.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcmp(one: *const u8, other: *const u8, count: usize) -> i32 {
    let (mut at_one, mut at_other) = (one, other);
    // SAFETY: as the caller promises. Both point behind the first bytes that differ, or behind the last.
    unsafe {
        asm!("cmp rcx, rcx", "repe cmpsb", inout("rcx") count => _, inout("rsi") at_one, inout("rdi") at_other,
            options(nostack, readonly));
        if at_one == one {
            return 0;
        }
        i32::from(*at_one.sub(1)) - i32::from(*at_other.sub(1))
    }
}

/// # Safety
/// As in C.
#[unsafe(no_mangle)]
unsafe extern "C" fn bcmp(one: *const u8, other: *const u8, count: usize) -> i32 {
    // SAFETY: as the caller promises.
    unsafe { memcmp(one, other, count) }
}

/// # Safety
/// As in C.
#[unsafe(no_mangle)]
unsafe extern "C" fn strlen(text: *const u8) -> usize {
    let mut end = text;
    // SAFETY: as the caller promises: there is a NUL.
    unsafe {
        asm!("repne scasb", inout("rcx") usize::MAX => _, inout("rdi") end, in("al") 0_u8, options(nostack, readonly));
    }
    end as usize - text as usize - 1
}
