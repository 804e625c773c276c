// SPDX-License-Identifier: GPL-2.0-only
/*
 * Free pages to the host, by the kernel's page reporting: it isolates free
 * blocks, hands them to report(), and puts them back as reported when report()
 * returns 0, which it does not before the device has used them.
 *
 * Continuous reporting is that, as it is. A pass makes the kernel's work run
 * round after round at once, at a granule of its own. One work item, the
 * control work, reads what the device asks for and does it; nobody else
 * registers, unregisters or runs rounds.
 *
 * prdev.state is the kernel's. It may be looked at, never written: with the
 * wrong state and no work queued, frees would queue none for ever.
 */
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/oom.h>
#include <linux/reboot.h>
#include <linux/scatterlist.h>
#include <linux/suspend.h>

#include "balloon.h"
#include "trace.h"

/*
 * A round walks at least a sixteenth of each free list, so 16 are enough for
 * what was free at the start; more only follow what is being freed, and where
 * that does not end the pass has to.
 */
#define MAX_ROUNDS	64
/* As the kernel's own, after which it looks for what has been freed. */
#define DELAY		(2 * HZ)
/* The kernel's state for "walked to the end, and nothing freed since". */
#define STATE_IDLE	0

static unsigned int walk_limit_ms = 100;
module_param(walk_limit_ms, uint, 0644);
MODULE_PARM_DESC(walk_limit_ms,
		 "Longest walk over the free lists, with interrupts off, that a pass's granule may cost in ms; a larger granule is taken above it (0: no limit, default 100)");

/* The control block as virtio_cread_le() and virtio_cwrite_le() want it. */
struct control_space {
	__u8 standard[VIRTIO_BALLOON_REPORTING_CTRL_OFFSET];
	struct virtio_balloon_reporting_ctrl ctrl;
};

static bool has_control(struct virtio_balloon *vb)
{
	return virtio_has_feature(vb->vdev, VIRTIO_BALLOON_F_REPORTING_CTRL);
}

static void read_request(struct virtio_balloon *vb, struct vh_request *request)
{
	const struct virtio_config_ops *config = vb->vdev->config;
	struct virtio_device *vdev = vb->vdev;
	u32 before, after = 0;

	do {
		before = config->generation ? config->generation(vdev) : 0;
		virtio_cread_le(vdev, struct control_space, ctrl.mode,
				&request->mode);
		virtio_cread_le(vdev, struct control_space, ctrl.pass_id,
				&request->id);
		virtio_cread_le(vdev, struct control_space, ctrl.pass_granule,
				&request->granule);
		virtio_cread_le(vdev, struct control_space, ctrl.pass_flags,
				&request->flags);
		virtio_cread_le(vdev, struct control_space, ctrl.pass_limit,
				&request->limit);
		after = config->generation ? config->generation(vdev) : 0;
	} while (before != after);
}

static void write_state(struct virtio_balloon *vb, u32 state)
{
	struct vh_reporting *r = &vb->reporting;

	if (r->state == state || !has_control(vb))
		return;
	r->state = state;
	virtio_cwrite_le(vb->vdev, struct control_space, ctrl.state, &state);
}

/* ---- The kernel's callback ---- */

/*
 * How long the walk up to here has been, at most: the lock may have been free
 * in between, when one list ended and the next began.
 */
static void note_walk(struct vh_reporting *r)
{
	u64 ns;

	/* Nobody knows when a round of the kernel's own began. */
	if (!r->lists_free)
		return;
	ns = ktime_to_ns(ktime_sub(ktime_get(), r->lists_free));
	r->walk_recent_ns[r->order] = max(r->walk_recent_ns[r->order], ns);
	r->walk_max_ns[r->order] = max(r->walk_max_ns[r->order], ns);
}

/* The host has changed its mind since the pass began, or we have to leave. */
static bool is_superseded(struct virtio_balloon *vb, const struct vh_pass *pass)
{
	struct vh_reporting *r = &vb->reporting;
	u32 id;

	if (READ_ONCE(r->stop))
		return true;
	if (!READ_ONCE(r->stale))
		return false;
	WRITE_ONCE(r->stale, false);
	virtio_cread_le(vb->vdev, struct control_space, ctrl.pass_id, &id);
	if (id == pass->request.id)
		return false;
	WRITE_ONCE(r->stop, true);
	return true;
}

/* The first blocks of the batch that the pass's limit leaves room for. */
static unsigned int within_limit(const struct vh_pass *pass,
				 struct scatterlist *sgl, unsigned int nents)
{
	u64 bytes = pass->bytes;
	struct scatterlist *sg;
	unsigned int i;

	if (!pass->request.limit)
		return nents;
	for_each_sg(sgl, sg, nents, i) {
		if (bytes >= pass->request.limit)
			break;
		bytes += sg->length;
	}
	return i;
}

static u64 batch_bytes(struct scatterlist *sgl, unsigned int nents)
{
	struct scatterlist *sg;
	unsigned int i;
	u64 bytes = 0;

	for_each_sg(sgl, sg, nents, i)
		bytes += sg->length;
	return bytes;
}

/* Reports isolated blocks, and returns when the device has used them. */
int vh_report_send(struct virtio_balloon *vb, struct scatterlist *sg,
		   unsigned int nents)
{
	struct virtqueue *vq = vb->vq[VH_REPORTING];
	u64 bytes = batch_bytes(sg, nents);
	int err;

	err = virtqueue_add_inbuf(vq, sg, nents, vb, GFP_NOWAIT | __GFP_NOWARN);
	if (err)
		return err;
	virtqueue_kick(vq);
	err = vh_queue_wait(vb, VH_REPORTING, 1);
	if (err)
		return err;
	vh_count(vb, VH_REQUESTS, 1);
	vh_count(vb, VH_BLOCKS, nents);
	vh_count(vb, VH_REPORTED_BYTES, bytes);
	trace_balloon_report(nents, bytes);
	return 0;
}

/* A part of the batch: the queue takes a list to its end mark. */
static int send_part(struct virtio_balloon *vb, struct scatterlist *sg,
		     unsigned int n)
{
	int err;

	sg_mark_end(&sg[n - 1]);
	err = vh_report_send(vb, sg, n);
	sg_unmark_end(&sg[n - 1]);
	return err;
}

static int report_pass(struct virtio_balloon *vb, struct vh_pass *pass,
		       struct scatterlist *sg, unsigned int nents)
{
	unsigned int n = within_limit(pass, sg, nents);
	int err = 0;

	if (is_superseded(vb, pass)) {
		pass->status = VIRTIO_BALLOON_PASS_CANCELLED;
		return -ECANCELED;
	}
	if (n == nents)
		err = vh_report_send(vb, sg, n);
	else if (n)
		err = send_part(vb, sg, n);
	if (err) {
		pass->status = VIRTIO_BALLOON_PASS_FAILED;
		return err;
	}
	pass->bytes += batch_bytes(sg, n);
	if (n == nents)
		return 0;
	/*
	 * An error keeps the kernel from taking what was not sent for
	 * reported, and with it what was: it will be reported once more.
	 */
	pass->status = VIRTIO_BALLOON_PASS_LIMIT;
	return -ENOSPC;
}

static int report_batch(struct virtio_balloon *vb, struct scatterlist *sg,
			unsigned int nents)
{
	/* Pairs with the release in run_pass(). */
	struct vh_pass *pass = smp_load_acquire(&vb->reporting.pass);

	if (READ_ONCE(vb->hinting.cycle))
		return vh_hint_send(vb, sg, nents);
	if (pass)
		return report_pass(vb, pass, sg, nents);
	if (READ_ONCE(vb->reporting.stop))
		return -ECANCELED;
	return vh_report_send(vb, sg, nents);
}

static int report(struct page_reporting_dev_info *prdev, struct scatterlist *sg,
		  unsigned int nents)
{
	struct virtio_balloon *vb = container_of(prdev, struct virtio_balloon,
						 reporting.prdev);
	struct vh_reporting *r = &vb->reporting;
	int err;

	note_walk(r);
	WRITE_ONCE(r->isolated, batch_bytes(sg, nents));
	err = report_batch(vb, sg, nents);
	WRITE_ONCE(r->isolated, 0);
	wake_up(&vb->used);
	if (r->lists_free)
		r->lists_free = ktime_get();
	return err;
}

/* ---- Registration ---- */

/* What was stopped has ended; from now on only leaving stops anything. */
static void let_go_on(struct vh_reporting *r)
{
	spin_lock_irq(&r->gate);
	WRITE_ONCE(r->stop, r->paused);
	spin_unlock_irq(&r->gate);
}

int vh_report_register(struct virtio_balloon *vb, unsigned int order)
{
	struct vh_reporting *r = &vb->reporting;
	int err;

	err = vh_compat_register(&r->prdev, order);
	if (err)
		return err;
	r->registered = true;
	r->order = order;
	return 0;
}

/* Waits for what runs, which ends at its next batch. */
void vh_report_unregister(struct virtio_balloon *vb)
{
	struct vh_reporting *r = &vb->reporting;

	if (!r->registered)
		return;
	WRITE_ONCE(r->stop, true);
	page_reporting_unregister(&r->prdev);
	let_go_on(r);
	r->registered = false;
}

/* ---- Rounds ---- */

static void run_round(struct vh_reporting *r)
{
	struct delayed_work *work = &r->prdev.work;

	r->lists_free = ktime_get();
	mod_delayed_work(work->wq, work, 0);
	flush_work(&work->work);
	note_walk(r);
	r->lists_free = 0;
}

/*
 * Rounds at the registered order, until more() says that it is enough (false),
 * or what was free at the start has been seen (true). That is so when the
 * kernel's work ends idle: it has walked all lists to their ends, and nothing
 * was freed meanwhile.
 */
bool vh_report_rounds(struct virtio_balloon *vb, bool (*more)(void *),
		      void *data)
{
	struct vh_reporting *r = &vb->reporting;
	unsigned int i;

	r->walks[r->order]++;
	r->walk_recent_ns[r->order] = 0;
	for (i = 0; i < MAX_ROUNDS; i++) {
		run_round(r);
		vh_count(vb, VH_ROUNDS, 1);
		if (!more(data))
			return false;
		if (atomic_read(&r->prdev.state) == STATE_IDLE)
			break;
	}
	return true;
}

/* ---- Passes ---- */

/*
 * The granule that is asked for, as far as the kernel goes, and as far as walks
 * at it have not been too long. One that was is given another try after some
 * passes: a guest that was kept waiting by its host looks the same.
 */
static unsigned int choose_order(struct virtio_balloon *vb, u32 granule,
				 unsigned int standard)
{
	struct vh_reporting *r = &vb->reporting;
	u64 limit_ns = (u64)READ_ONCE(walk_limit_ms) * NSEC_PER_MSEC;
	unsigned int order = standard;

	if (granule)
		order = clamp_t(unsigned int,
				granule > PAGE_SHIFT ? granule - PAGE_SHIFT : 0,
				VH_REPORT_MIN_ORDER, VH_MAX_ORDER);
	while (limit_ns && order < standard &&
	       r->walk_recent_ns[order] > limit_ns) {
		r->walk_recent_ns[order] -= r->walk_recent_ns[order] / 4;
		order++;
	}
	return order;
}

static bool pass_goes_on(void *data)
{
	const struct vh_pass *pass = data;

	return !READ_ONCE(pass->status);
}

static u32 run_rounds(struct virtio_balloon *vb, struct vh_pass *pass)
{
	bool complete;

	if (is_superseded(vb, pass))
		return VIRTIO_BALLOON_PASS_CANCELLED;
	/* Pairs with the acquire in report_batch(). */
	smp_store_release(&vb->reporting.pass, pass);
	complete = vh_report_rounds(vb, pass_goes_on, pass);
	/* No round runs any more: only later ones are kept from the pass. */
	smp_store_release(&vb->reporting.pass, NULL);
	/* One that began meanwhile, by the timer, may have seen the pass. */
	flush_work(&vb->reporting.prdev.work.work);
	return complete ? VIRTIO_BALLOON_PASS_DONE : pass->status;
}

static void count_pass(struct virtio_balloon *vb, const struct vh_pass *pass,
		       u32 status, ktime_t start)
{
	static const enum vh_counter counters[] = {
		[VIRTIO_BALLOON_PASS_DONE] = VH_PASSES_DONE,
		[VIRTIO_BALLOON_PASS_LIMIT] = VH_PASSES_LIMIT,
		[VIRTIO_BALLOON_PASS_CANCELLED] = VH_PASSES_CANCELLED,
		[VIRTIO_BALLOON_PASS_FAILED] = VH_PASSES_FAILED,
	};
	u64 us = ktime_us_delta(ktime_get(), start);

	vh_count(vb, counters[status], 1);
	vh_note(vb, VH_LAST_PASS_ID, pass->request.id);
	vh_note(vb, VH_LAST_PASS_STATUS, status);
	vh_note(vb, VH_LAST_PASS_BYTES, pass->bytes);
	vh_note(vb, VH_LAST_PASS_US, us);
	vh_note(vb, VH_LAST_PASS_GRANULE, PAGE_SIZE << pass->order);
	trace_balloon_pass_end(pass->request.id, status, pass->bytes, us);
}

/* The host waits for this, so it comes before anything is torn down. */
static void acknowledge(struct virtio_balloon *vb, const struct vh_pass *pass,
			u32 status)
{
	struct virtio_device *vdev = vb->vdev;

	virtio_cwrite_le(vdev, struct control_space, ctrl.pass_status, &status);
	write_state(vb, vb->reporting.state & ~VIRTIO_BALLOON_REPORTING_S_PASS);
	virtio_cwrite_le(vdev, struct control_space, ctrl.pass_done,
			 &pass->request.id);
}

static void announce(struct virtio_balloon *vb, const struct vh_pass *pass)
{
	u32 granule = PAGE_SHIFT + pass->order;

	virtio_cwrite_le(vb->vdev, struct control_space, ctrl.granule,
			 &granule);
	write_state(vb, vb->reporting.state | VIRTIO_BALLOON_REPORTING_S_PASS);
	trace_balloon_pass_begin(pass->request.id, granule,
				 pass->request.limit);
}

/*
 * What was not reported must not wait for somebody to free something. Nothing
 * happens where the work is queued already.
 */
void vh_report_go_on(struct virtio_balloon *vb)
{
	struct delayed_work *work = &vb->reporting.prdev.work;

	/* Whoever still sees what has just ended is done after this. */
	flush_work(&work->work);
	queue_delayed_work(work->wq, work, DELAY);
}

/* Puts continuous reporting back as it was before the pass. */
static void after_pass(struct virtio_balloon *vb, unsigned int standard,
		       u32 status)
{
	struct vh_reporting *r = &vb->reporting;

	if (r->continuous && r->registered && r->order == standard) {
		if (status != VIRTIO_BALLOON_PASS_DONE)
			vh_report_go_on(vb);
		return;
	}
	vh_report_unregister(vb);
	vh_compat_set_order(standard);
	if (r->continuous && vh_report_register(vb, standard)) {
		r->continuous = false;
		write_state(vb, 0);
	}
}

static void run_pass(struct virtio_balloon *vb, const struct vh_request *request)
{
	struct vh_reporting *r = &vb->reporting;
	unsigned int standard = r->continuous ? r->order :
						vh_compat_default_order();
	struct vh_pass *pass = &r->own;
	ktime_t start = ktime_get();
	u32 status = VIRTIO_BALLOON_PASS_FAILED;

	*pass = (struct vh_pass) {
		.request = *request,
		.order = choose_order(vb, request->granule, standard),
	};
	announce(vb, pass);
	if (r->registered && r->order != pass->order)
		vh_report_unregister(vb);
	if (!request->flags &&
	    (r->registered || !vh_report_register(vb, pass->order)))
		status = run_rounds(vb, pass);
	count_pass(vb, pass, status, start);
	acknowledge(vb, pass, status);
	let_go_on(r);
	after_pass(vb, standard, status);
}

/* ---- Control ---- */

static void set_continuous(struct virtio_balloon *vb, bool on)
{
	struct vh_reporting *r = &vb->reporting;

	if (r->continuous == on)
		return;
	if (on && vh_report_register(vb, vh_compat_default_order())) {
		/* The kernel has one reporter only, and it is another device. */
		dev_warn_once(&vb->vdev->dev,
			      "free page reporting is in use already\n");
		return;
	}
	if (!on)
		vh_report_unregister(vb);
	r->continuous = on;
	write_state(vb, on ? VIRTIO_BALLOON_REPORTING_S_CONTINUOUS : 0);
	vh_count(vb, VH_TOGGLES, 1);
	trace_balloon_mode(on);
}

static void control(struct work_struct *work)
{
	struct virtio_balloon *vb = container_of(work, struct virtio_balloon,
						 reporting.control);
	struct vh_reporting *r = &vb->reporting;
	struct vh_request request = {};

	/* The power notifier may come before the queues, or after them. */
	if (!vb->vq[VH_INFLATE])
		return;
	WRITE_ONCE(r->stale, false);
	if (has_control(vb)) {
		read_request(vb, &request);
		set_continuous(vb, request.mode ==
				   VIRTIO_BALLOON_REPORTING_CONTINUOUS);
	} else {
		set_continuous(vb, !!vb->vq[VH_REPORTING]);
	}
	if (request.id && request.id != r->last_id) {
		r->last_id = request.id;
		run_pass(vb, &request);
	}
	if (vb->vq[VH_FREE_PAGE])
		vh_hint_update(vb);
}

void vh_report_changed(struct virtio_balloon *vb)
{
	struct vh_reporting *r = &vb->reporting;
	unsigned long flags;

	spin_lock_irqsave(&r->gate, flags);
	WRITE_ONCE(r->stale, true);
	if (!r->paused)
		queue_work(r->wq, &r->control);
	spin_unlock_irqrestore(&r->gate, flags);
}

/*
 * Ends a pass that runs, stops reporting, and lets nothing begin until resumed.
 * While the guest suspends this comes before anything is frozen.
 */
void vh_report_pause(struct virtio_balloon *vb)
{
	struct vh_reporting *r = &vb->reporting;

	spin_lock_irq(&r->gate);
	r->paused = true;
	WRITE_ONCE(r->stop, true);
	spin_unlock_irq(&r->gate);
	cancel_work_sync(&r->control);
	set_continuous(vb, false);
}

void vh_report_resume(struct virtio_balloon *vb)
{
	struct vh_reporting *r = &vb->reporting;

	spin_lock_irq(&r->gate);
	r->paused = false;
	WRITE_ONCE(r->stop, false);
	spin_unlock_irq(&r->gate);
	vh_report_changed(vb);
}

static int power_changes(struct notifier_block *nb, unsigned long action,
			 void *data)
{
	struct virtio_balloon *vb = container_of(nb, struct virtio_balloon, pm);

	switch (action) {
	case PM_HIBERNATION_PREPARE:
	case PM_SUSPEND_PREPARE:
	case PM_RESTORE_PREPARE:
		vh_report_pause(vb);
		break;
	case PM_POST_HIBERNATION:
	case PM_POST_SUSPEND:
	case PM_POST_RESTORE:
		vh_report_resume(vb);
		break;
	}
	return NOTIFY_OK;
}

/* The next kernel must not find its memory thrown away under it. */
static int going_down(struct notifier_block *nb, unsigned long action,
		      void *data)
{
	struct virtio_balloon *vb = container_of(nb, struct virtio_balloon,
						 reboot);

	vh_report_pause(vb);
	vh_size_stop(vb);
	return NOTIFY_OK;
}

/*
 * A batch can be all that a small guest has free. It comes back in a moment, so
 * nobody need be killed for it; one tick more is for the kernel to put it back.
 */
static int oom_notified(struct notifier_block *nb, unsigned long action,
			void *freed)
{
	struct virtio_balloon *vb = container_of(nb, struct virtio_balloon,
						 reporting.oom);
	u64 bytes = READ_ONCE(vb->reporting.isolated);

	if (!bytes)
		return NOTIFY_OK;
	if (!wait_event_idle_timeout(vb->used,
				     !READ_ONCE(vb->reporting.isolated), HZ))
		return NOTIFY_OK;
	schedule_timeout_idle(1);
	*(unsigned long *)freed += bytes >> PAGE_SHIFT;
	return NOTIFY_OK;
}

static int register_notifiers(struct virtio_balloon *vb)
{
	int err;

	vb->reporting.oom.notifier_call = oom_notified;
	vb->pm.notifier_call = power_changes;
	vb->reboot.notifier_call = going_down;
	err = register_oom_notifier(&vb->reporting.oom);
	if (err)
		return err;
	err = register_pm_notifier(&vb->pm);
	if (err)
		goto no_pm;
	err = register_reboot_notifier(&vb->reboot);
	if (err)
		goto no_reboot;
	return 0;

no_reboot:
	unregister_pm_notifier(&vb->pm);
no_pm:
	unregister_oom_notifier(&vb->reporting.oom);
	return err;
}

int vh_report_init(struct virtio_balloon *vb)
{
	struct vh_reporting *r = &vb->reporting;
	int err;

	r->prdev.report = report;
	spin_lock_init(&r->gate);
	INIT_WORK(&r->control, control);
	r->wq = alloc_ordered_workqueue("virtio_balloon", 0);
	if (!r->wq)
		return -ENOMEM;
	err = register_notifiers(vb);
	if (err)
		destroy_workqueue(r->wq);
	return err;
}

/* From here on nothing is reported, whatever the guest's power state. */
void vh_report_exit(struct virtio_balloon *vb)
{
	unregister_reboot_notifier(&vb->reboot);
	unregister_pm_notifier(&vb->pm);
	unregister_oom_notifier(&vb->reporting.oom);
	vh_report_pause(vb);
	destroy_workqueue(vb->reporting.wq);
}
