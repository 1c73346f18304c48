/* The layout of `edgeenh run ... --out shm:NAME` and how a frame is taken from it; in words: docs/sinks.md. Little-endian, version 1. */
#ifndef EDGEENH_SHARED_MEMORY_H
#define EDGEENH_SHARED_MEMORY_H
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

struct header { char magic[8]; uint32_t version, header_bytes, slots; _Atomic uint32_t state; uint64_t slot_bytes;
                _Atomic uint64_t published; uint64_t writer_pid; _Atomic uint64_t beat_ns; };
struct slot { _Atomic uint64_t lock; uint64_t number, sequence, captured_ns, published_ns; uint32_t width, height, format, bits,
              row_bytes, status, reason; float strength; uint64_t picture_bytes, shown_at, original_at;
              char reason_text[32], bundle_sha256[64], source[40]; uint8_t unused[24]; };
enum { LIVE = 1, ENDED = 2, MOVED = 3, ENHANCED = 1 };

/* Copies the newest frame into `copy` (slot_bytes bytes); 1 = whole, 0 = it was overwritten meanwhile: try again. */
static inline int read_newest(const uint8_t *memory, uint8_t *copy) {
    const struct header *head = (const void *)memory;
    uint64_t newest = atomic_load_explicit(&head->published, memory_order_acquire);
    const struct slot *from = (const void *)(memory + head->header_bytes + newest % head->slots * head->slot_bytes);
    uint64_t before = atomic_load_explicit(&from->lock, memory_order_acquire);
    if (newest == 0 || before != 2 * newest) return 0;
    memcpy(copy, from, head->slot_bytes);
    atomic_thread_fence(memory_order_acquire);
    return atomic_load_explicit(&from->lock, memory_order_relaxed) == before;
}

#endif
