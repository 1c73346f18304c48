/* Reads enhanced frames from `edgeenh run ... --out shm:edgeenh`. Build: cc -O2 -o reader shared_memory_reader.c -lrt
   Usage: reader NAME FRAMES. A frame is whole or it is not taken; layout: docs/sinks.md. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "edgeenh_shared_memory.h"

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
