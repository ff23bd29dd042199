/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The record of the ABI, which is frozen from 0.1.0 on: each structure with its size, each
 * field with its offset and type, each number. abi.c compares them, for every architecture
 * and for 32 bits; a static gate sees to it that all of both headers is here. A line may be
 * added. None may change, but that a new field takes its place from __reserved.
 */

STRUCT(evnotify_request, 64);
FIELD(evnotify_request, 0, __aligned_u64, user_data);
FIELD(evnotify_request, 8, __aligned_u64, due_ns);
FIELD(evnotify_request, 16, __aligned_u64, period_ns);
FIELD(evnotify_request, 24, __aligned_u64, id);
FIELD(evnotify_request, 32, __u32, mode);
FIELD(evnotify_request, 36, __u32, flags);
FIELD(evnotify_request, 40, __s32, clockid);
FIELD(evnotify_request, 44, __s32, eventfd);
FIELD(evnotify_request, 48, __u32, count);
FIELD(evnotify_request, 52, __u32[3], __reserved);

STRUCT(evnotify_event, 64);
FIELD(evnotify_event, 0, __aligned_u64, user_data);
FIELD(evnotify_event, 8, __aligned_u64, id);
FIELD(evnotify_event, 16, __aligned_u64, due_ns);
FIELD(evnotify_event, 16, __aligned_u64, data);
FIELD(evnotify_event, 24, __aligned_u64, expired_ns);
FIELD(evnotify_event, 32, __aligned_u64, completed_ns);
FIELD(evnotify_event, 40, __aligned_u64, seq);
FIELD(evnotify_event, 48, __u32, count);
FIELD(evnotify_event, 52, __u32, lost);
FIELD(evnotify_event, 56, __s32, status);
FIELD(evnotify_event, 60, __u32, flags);

STRUCT(evnotify_info, 64);
FIELD(evnotify_info, 0, __u32, abi_version);
FIELD(evnotify_info, 4, __u32, module_version);
FIELD(evnotify_info, 8, __aligned_u64, features);
FIELD(evnotify_info, 16, __aligned_u64, modes);
FIELD(evnotify_info, 24, __aligned_u64, clocks);
FIELD(evnotify_info, 32, __aligned_u64, min_period_ns);
FIELD(evnotify_info, 40, __u32, max_requests);
FIELD(evnotify_info, 44, __u32[5], __reserved);

STRUCT(evnotify_register, 32);
FIELD(evnotify_register, 0, __aligned_u64, requests);
FIELD(evnotify_register, 8, __u32, count);
FIELD(evnotify_register, 12, __u32, taken);
FIELD(evnotify_register, 16, __aligned_u64[2], __reserved);

STRUCT(evnotify_wait, 128);
FIELD(evnotify_wait, 0, struct evnotify_request, request);
FIELD(evnotify_wait, 64, struct evnotify_event, event);

STRUCT(evnotify_cancel, 32);
FIELD(evnotify_cancel, 0, __aligned_u64, id);
FIELD(evnotify_cancel, 8, __u32, flags);
FIELD(evnotify_cancel, 12, __u32, __pad);
FIELD(evnotify_cancel, 16, __aligned_u64, cancelled);
FIELD(evnotify_cancel, 24, __aligned_u64, __reserved);

STRUCT(evnotify_update, 64);
FIELD(evnotify_update, 0, __aligned_u64, id);
FIELD(evnotify_update, 8, __aligned_u64, due_ns);
FIELD(evnotify_update, 16, __aligned_u64, period_ns);
FIELD(evnotify_update, 24, __u32, flags);
FIELD(evnotify_update, 28, __u32, count);
FIELD(evnotify_update, 32, __aligned_u64[4], __reserved);

NUMBER(EVNOTIFY_ABI_VERSION, 1);
NUMBER(EVNOTIFY_MODE_PENDING, 0);
NUMBER(EVNOTIFY_MODE_EVENTFD, 1);
NUMBER(EVNOTIFY_ABSTIME, 1);
NUMBER(EVNOTIFY_SOURCE, 2);
NUMBER(EVNOTIFY_REPEAT, 4);
NUMBER(EVNOTIFY_EVENT_MORE, 1);
NUMBER(EVNOTIFY_EVENT_DATA, 2);
NUMBER(EVNOTIFY_CANCEL_ALL, 1);
NUMBER(EVNOTIFY_FEATURE_CHECKED, 1);
NUMBER(EVNOTIFY_FEATURE_SOURCES, 2);
NUMBER(EVNOTIFY_FEATURE_HAS_SOURCE, 4);
NUMBER(EVNOTIFY_IOC_MAGIC, 0xed);
/* How direction, number and size make an ioctl is each architecture's own matter. */
NUMBER(EVNOTIFY_IOC_INFO, _IOC(_IOC_READ, 0xed, 0, 64));
NUMBER(EVNOTIFY_IOC_REGISTER, _IOC(_IOC_READ | _IOC_WRITE, 0xed, 1, 32));
NUMBER(EVNOTIFY_IOC_WAIT, _IOC(_IOC_READ | _IOC_WRITE, 0xed, 2, 128));
NUMBER(EVNOTIFY_IOC_CANCEL, _IOC(_IOC_READ | _IOC_WRITE, 0xed, 3, 32));
NUMBER(EVNOTIFY_IOC_UPDATE, _IOC(_IOC_WRITE, 0xed, 4, 64));

/* <linux/evnotify_sim.h> */
STRUCT(evnotify_sim_new, 64);
FIELD(evnotify_sim_new, 0, __u32, flags);
FIELD(evnotify_sim_new, 4, __s32, fd);
FIELD(evnotify_sim_new, 8, char[32], name);
FIELD(evnotify_sim_new, 40, __aligned_u64[3], __reserved);

STRUCT(evnotify_sim_step, 16);
FIELD(evnotify_sim_step, 0, __aligned_u64, delay_ns);
FIELD(evnotify_sim_step, 8, __aligned_u64, data);

NUMBER(EVNOTIFY_SIM_MAX_STEPS, 4096);
NUMBER(EVNOTIFY_SIM_IOC_NEW, _IOC(_IOC_READ | _IOC_WRITE, 0xed, 15, 64));
