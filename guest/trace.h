/* SPDX-License-Identifier: GPL-2.0-only */
/* What the driver does, as events under events/virtio_balloon/. */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM virtio_balloon

#if !defined(VH_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define VH_TRACE_H

#include <linux/tracepoint.h>

TRACE_EVENT(balloon_mode,
	TP_PROTO(bool continuous),
	TP_ARGS(continuous),
	TP_STRUCT__entry(
		__field(bool, continuous)
	),
	TP_fast_assign(
		__entry->continuous = continuous;
	),
	TP_printk("continuous=%d", __entry->continuous)
);

TRACE_EVENT(balloon_pass_begin,
	TP_PROTO(u32 id, u32 granule, u64 limit),
	TP_ARGS(id, granule, limit),
	TP_STRUCT__entry(
		__field(u32, id)
		__field(u32, granule)
		__field(u64, limit)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->granule = granule;
		__entry->limit = limit;
	),
	TP_printk("id=%u granule=%llu limit=%llu", __entry->id,
		  1ULL << __entry->granule, __entry->limit)
);

TRACE_EVENT(balloon_pass_end,
	TP_PROTO(u32 id, u32 status, u64 bytes, u64 us),
	TP_ARGS(id, status, bytes, us),
	TP_STRUCT__entry(
		__field(u32, id)
		__field(u32, status)
		__field(u64, bytes)
		__field(u64, us)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->status = status;
		__entry->bytes = bytes;
		__entry->us = us;
	),
	TP_printk("id=%u status=%s bytes=%llu us=%llu", __entry->id,
		  __print_symbolic(__entry->status,
				   { 1, "done" }, { 2, "limit" },
				   { 3, "cancelled" }, { 4, "failed" }),
		  __entry->bytes, __entry->us)
);

TRACE_EVENT(balloon_report,
	TP_PROTO(unsigned int blocks, u64 bytes),
	TP_ARGS(blocks, bytes),
	TP_STRUCT__entry(
		__field(unsigned int, blocks)
		__field(u64, bytes)
	),
	TP_fast_assign(
		__entry->blocks = blocks;
		__entry->bytes = bytes;
	),
	TP_printk("blocks=%u bytes=%llu", __entry->blocks, __entry->bytes)
);

TRACE_EVENT(balloon_message,
	TP_PROTO(bool inflate, u32 ranges, u64 bytes),
	TP_ARGS(inflate, ranges, bytes),
	TP_STRUCT__entry(
		__field(bool, inflate)
		__field(u32, ranges)
		__field(u64, bytes)
	),
	TP_fast_assign(
		__entry->inflate = inflate;
		__entry->ranges = ranges;
		__entry->bytes = bytes;
	),
	TP_printk("%s ranges=%u bytes=%llu",
		  __entry->inflate ? "inflate" : "deflate", __entry->ranges,
		  __entry->bytes)
);

#endif /* VH_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
