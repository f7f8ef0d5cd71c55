/* output_room.c - room for the network's output in methods with a loss of their own on it. */
#include "methods/output_room.h"

#include "base/mem.h"
#include "base/status.h"

#include <string.h>

mwn_status mwn_output_room_init(struct mwn_output_room *room,
                                const struct mwn_method_context *context,
                                struct mwn_error *err)
{
    size_t row = context->outputs * sizeof(double);
    room->classes = context->outputs;
    room->slope = mwn_alloc(context->max_n, row);
    room->prob = mwn_alloc(context->max_n, row);
    if (room->slope && room->prob)
        return MWN_OK;
    return mwn_fail_memory(err, 2 * context->max_n * row, "the network's output");
}

void mwn_output_room_release(struct mwn_output_room *room)
{
    mwn_free(room->slope);
    mwn_free(room->prob);
    memset(room, 0, sizeof *room);
}

mwn_status mwn_output_room_forward(struct mwn_output_room *room, struct mwn_step *step,
                                   struct mwn_error *err)
{
    mwn_status status = mwn_step_forward(step, err);
    if (status != MWN_OK)
        return status;
    for (size_t i = 0; i < step->train->n; i++)
        step->weight[i] = 1;
    return mwn_step_output(step, step->train, room->slope, room->prob, err);
}

void mwn_output_room_plain(struct mwn_output_room *room, const struct mwn_batch *batch)
{
    size_t classes = room->classes;
    for (size_t i = 0; i < batch->n; i++)
        for (size_t k = 0; k < classes; k++) {
            double target = (size_t)batch->label[i] == k ? 1 : 0;
            room->slope[i * classes + k] =
                (room->prob[i * classes + k] - target) / (double)batch->n;
        }
}
