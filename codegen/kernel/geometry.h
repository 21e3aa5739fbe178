/* Geometry: a request's shape as the schedules see it, and the names of the extents. Counts are of elements unless the name
 * says bytes or bits; those of a shape with an empty dimension may have wrapped and are not used. */
#ifndef QUERN_CODEGEN_GEOMETRY_H
#define QUERN_CODEGEN_GEOMETRY_H

#include "codegen/kernel/kernel.h"

struct geometry {
    int axis;                       /* channel, group: from the front */
    int64_t before, length, inner;  /* product of the dimensions before the axis, the axis, product of those after */
    int64_t rows, columns, elements;
    int64_t code_row_bytes;
    unsigned code_bits, unit;       /* bits of a stored code; bytes a code row is a multiple of */
    bool collapse;                  /* code rows have no padding: rows may be taken as one run */
    bool groups_collapse;           /* group along the last axis: collapse, and every group is whole */
    bool shifted;                   /* a group may start inside a byte */
};
/* The shape must suit the spec (kernel_storage). */
struct geometry geometry_of(const struct kernel_request *request);
/* Bits of a stored code: layout `byte` rounds up to 8 or 16. Unit: bytes a code row is a multiple of, 1 or 4 (i32). */
unsigned geometry_code_bits(const struct spec *spec);
unsigned geometry_code_unit(const struct spec *spec);

/* Indexes into kernel_args.extent: one enum a schedule, in the order of extents.def. `blocks` shares ROWS, `across` STREAM. */
enum rows_extent {
#define EXTENT_ROWS(name) EXTENT_ROWS_##name,
#define EXTENT_COLUMNS(name)
#define EXTENT_STREAM(name)
#define EXTENT(schedule, name) EXTENT_##schedule(name)
#include "codegen/kernel/extents.def"
#undef EXTENT_ROWS
#undef EXTENT_COLUMNS
#undef EXTENT_STREAM
    EXTENT_ROWS_COUNT
};
enum columns_extent {
#define EXTENT_ROWS(name)
#define EXTENT_COLUMNS(name) EXTENT_COLUMNS_##name,
#define EXTENT_STREAM(name)
#include "codegen/kernel/extents.def"
#undef EXTENT_ROWS
#undef EXTENT_COLUMNS
#undef EXTENT_STREAM
    EXTENT_COLUMNS_COUNT
};
enum stream_extent {
#define EXTENT_ROWS(name)
#define EXTENT_COLUMNS(name)
#define EXTENT_STREAM(name) EXTENT_STREAM_##name,
#include "codegen/kernel/extents.def"
#undef EXTENT_ROWS
#undef EXTENT_COLUMNS
#undef EXTENT_STREAM
#undef EXTENT
    EXTENT_STREAM_COUNT
};
_Static_assert((int)EXTENT_ROWS_COUNT <= (int)KERNEL_EXTENTS && (int)EXTENT_COLUMNS_COUNT <= (int)KERNEL_EXTENTS &&
               (int)EXTENT_STREAM_COUNT <= (int)KERNEL_EXTENTS, "kernel_args.extent holds every schedule's extents");

#endif
