/* Reads enhanced frames from `edgeenh run ... --out shm:NAME`; layout and rules: docs/sinks.md.
   Build: cc -O2 -o reader shared_memory_reader.c -lrt   Usage: reader NAME FRAMES */
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct header { char magic[8]; uint32_t version, header_bytes, slots; _Atomic uint32_t state; uint64_t slot_bytes; _Atomic uint64_t published; };
struct slot { _Atomic uint64_t lock; uint64_t number, sequence, captured_ns, published_ns; uint32_t width, height, format, bits, row_bytes, status, reason;
              float strength; uint64_t picture_bytes, shown_at, original_at; char reason_text[32], bundle_sha256[64], source[40]; };
enum { LIVE = 1, MOVED = 3, ENHANCED = 1 };

/* Copies the newest frame into `copy` (slot_bytes bytes); 1 = whole, 0 = it was overwritten meanwhile: try again. */
static int read_newest(const struct header *head, uint8_t *copy) {
    uint64_t newest = atomic_load_explicit(&head->published, memory_order_acquire);
    const struct slot *from = (const void *)((const uint8_t *)head + head->header_bytes + newest % head->slots * head->slot_bytes);
    uint64_t before = atomic_load_explicit(&from->lock, memory_order_acquire);
    if (newest == 0 || before != 2 * newest) return 0;
    memcpy(copy, from, head->slot_bytes);
    atomic_thread_fence(memory_order_acquire);
    return atomic_load_explicit(&from->lock, memory_order_relaxed) == before;
}
#ifndef ON_FRAME /* your own; the pixels are at copy + frame->shown_at, the untouched original at copy + frame->original_at */
#define ON_FRAME(frame, copy) (void)0
#endif

int main(int argc, char **argv) {
    uint32_t state = MOVED;
    long wanted = argc > 2 ? atol(argv[2]) : 1, taken = 0, torn = 0;
    for (char name[256]; state == MOVED && taken < wanted;) { /* a larger frame moves the memory: open the name again */
        struct stat info;
        snprintf(name, sizeof name, "/%s", argc > 1 ? argv[1] : "edgeenh");
        int file = shm_open(name, O_RDONLY, 0);
        if (file < 0 || fstat(file, &info)) return perror(name), 2;
        const struct header *head = mmap(NULL, info.st_size, PROT_READ, MAP_SHARED, file, 0);
        if (head == MAP_FAILED || memcmp(head->magic, "EDGEENH", 8) || head->version != 1) return fprintf(stderr, "%s is not edgeenh's\n", name), 2;
        uint8_t *copy = malloc(head->slot_bytes + 1);
        const struct slot *frame = (const void *)copy;
        for (uint64_t last = 0, more = state = LIVE; taken < wanted && more;) {
            more = (state = atomic_load(&head->state)) == LIVE; /* before the look for a frame: the last one is seen, too */
            if (head->slots == 0 || atomic_load(&head->published) == last) { nanosleep(&(struct timespec){0, 500000}, NULL); continue; }
            if (!read_newest(head, copy)) { torn++, more = 1; continue; }
            last = frame->number, taken++;
            printf("%llu %ux%u %s%s %.12s\n", (unsigned long long)frame->sequence, frame->width, frame->height,
                   frame->status == ENHANCED ? "ENHANCED" : "PASSTHROUGH ", frame->reason_text, frame->bundle_sha256), fflush(stdout);
            ON_FRAME(frame, copy);
        }
        free(copy), munmap((void *)head, info.st_size), close(file);
    }
    return fprintf(stderr, "%ld taken, %ld overwritten while they were read\n", taken, torn), 0;
}
