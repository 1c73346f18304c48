/* Reads enhanced frames from `edgeenh run ... --out shm:edgeenh`. Build: cc -O2 -o reader shared_memory_reader.c -lrt
   Usage: reader NAME FRAMES. A frame is whole or it is not taken; layout: docs/sinks.md. */
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

struct header { char magic[8]; uint32_t version, header_bytes, slots; _Atomic uint32_t state; uint64_t slot_bytes;
                _Atomic uint64_t published; uint64_t writer_pid; _Atomic uint64_t beat_ns; };
struct slot { _Atomic uint64_t lock; uint64_t number, sequence, captured_ns, published_ns; uint32_t width, height, format, bits,
              row_bytes, status, reason; float strength; uint64_t picture_bytes, shown_at, original_at;
              char reason_text[32], bundle_sha256[64], source[40]; uint8_t unused[24]; };
enum { LIVE = 1, ENDED = 2, MOVED = 3, ENHANCED = 1 };

/* Copies the newest frame into `copy` (slot_bytes bytes); 1 = whole, 0 = it was overwritten meanwhile: try again. */
static int read_newest(const uint8_t *memory, uint8_t *copy) {
    const struct header *head = (const void *)memory;
    uint64_t newest = atomic_load_explicit(&head->published, memory_order_acquire);
    const struct slot *from = (const void *)(memory + head->header_bytes + newest % head->slots * head->slot_bytes);
    uint64_t before = atomic_load_explicit(&from->lock, memory_order_acquire);
    if (newest == 0 || before != 2 * newest) return 0;
    memcpy(copy, from, head->slot_bytes);
    atomic_thread_fence(memory_order_acquire);
    return atomic_load_explicit(&from->lock, memory_order_relaxed) == before;
}

int main(int argc, char **argv) {
    char name[256];
    long wanted = argc > 2 ? atol(argv[2]) : 1, taken = 0;
    uint64_t last = 0, torn = 0;
    setvbuf(stdout, NULL, _IOLBF, 0);
    snprintf(name, sizeof name, "/%s", argc > 1 ? argv[1] : "edgeenh");
    for (int moved = 1; moved && taken < wanted;) {
        struct stat info;
        int file = shm_open(name, O_RDONLY, 0);
        if (file < 0 || fstat(file, &info)) { perror(name); return 2; }
        const uint8_t *memory = mmap(NULL, info.st_size, PROT_READ, MAP_SHARED, file, 0);
        const struct header *head = (const void *)memory;
        if (memory == MAP_FAILED || memcmp(head->magic, "EDGEENH", 8) || head->version != 1) return 2;
        uint8_t *copy = malloc(head->slot_bytes + 1);
        struct slot *frame = (struct slot *)copy;
        uint32_t state = LIVE;
        for (last = 0; taken < wanted && state == LIVE;) {
            state = atomic_load(&head->state); /* before the look for a frame: the last one is seen, too */
            if (head->slots && atomic_load(&head->published) != last) {
                if (!read_newest(memory, copy)) { torn++; continue; }
                last = frame->number, taken++;
                printf("%llu %ux%u %s%s %.12s", (unsigned long long)frame->sequence, frame->width, frame->height,
                       frame->status == ENHANCED ? "ENHANCED" : "PASSTHROUGH ", frame->reason_text, frame->bundle_sha256);
#ifdef CHECK /* for the tests: what a picture is filled with follows from its number */
                for (uint64_t at = 0; at < frame->picture_bytes; at++)
                    if (copy[frame->shown_at + at] != frame->sequence % 251 ||
                        copy[frame->original_at + at] != frame->sequence % 241) return 3;
#endif
                putchar('\n');
            } else nanosleep(&(struct timespec){0, 500000}, NULL);
        }
        moved = state == MOVED;
        free(copy), munmap((void *)memory, info.st_size), close(file);
    }
    fprintf(stderr, "%ld taken, %llu overwritten while they were read\n", taken, (unsigned long long)torn);
    return 0;
}
