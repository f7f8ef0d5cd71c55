/* onnx_file.c - builds an ONNX model and writes it, with protobuf-c for the encoding. */
#include "train/onnx_file.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/status.h"

#include <limits.h>
#include <onnx.pb-c.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "numbers are copied as they are");

/* Values of AttributeProto.type and TensorProto.data_type. */
enum { TYPE_FLOAT = 1, TYPE_INT = 2, TYPE_INTS = 7, DATA_FLOAT = 1, DATA_INT64 = 7 };

/* A growing array of pointers. */
struct list {
    void **item; /* owned [room] */
    size_t count, room;
};

struct mwn_onnx {
    Onnx__ModelProto model;
    Onnx__GraphProto graph;
    Onnx__OperatorSetIdProto opset, *opsets[1];
    Onnx__ValueInfoProto *input[1], *output[1];
    struct list blocks;                  /* everything that is owned, freed at the end */
    struct list nodes, constants, notes; /* borrowed from blocks                       */
    struct list attributes;              /* of the node added last                     */
    size_t wanted;                       /* bytes that were not to be had; 0: all were */
};

static bool list_add(mwn_onnx *onnx, struct list *list, void *item)
{
    if (list->count == list->room) {
        size_t room = 2 * list->room + 16;
        void **grown = mwn_resize(list->item, room, sizeof(*grown));
        if (!grown) {
            onnx->wanted = room * sizeof(*grown);
            return false;
        }
        list->item = grown;
        list->room = room;
    }
    list->item[list->count++] = item;
    return true;
}

/* A zeroed block that lives as long as the model; NULL if memory is out, now or before. */
static void *keep(mwn_onnx *onnx, size_t count, size_t size)
{
    void *block = onnx->wanted ? NULL : mwn_alloc(count, size);
    if (!block && !onnx->wanted)
        onnx->wanted = count * size + 1;
    if (block && !list_add(onnx, &onnx->blocks, block)) {
        mwn_free(block);
        block = NULL;
    }
    return block;
}

static char *keep_text(mwn_onnx *onnx, const char *text)
{
    char *copy = keep(onnx, strlen(text) + 1, 1);
    if (copy)
        memcpy(copy, text, strlen(text));
    return copy;
}

mwn_onnx *mwn_onnx_create(void)
{
    static char producer[] = "mwnet", domain[] = "";
    mwn_onnx *onnx = mwn_alloc(1, sizeof(*onnx));
    if (!onnx)
        return NULL;
    onnx__model_proto__init(&onnx->model);
    onnx__graph_proto__init(&onnx->graph);
    onnx__operator_set_id_proto__init(&onnx->opset);
    onnx->opset.domain = domain;
    onnx->opset.has_version = 1;
    onnx->opset.version = MWN_ONNX_OPSET;
    onnx->opsets[0] = &onnx->opset;
    onnx->model.has_ir_version = 1;
    onnx->model.ir_version = 7;
    onnx->model.producer_name = producer;
    onnx->model.producer_version = keep_text(onnx, mwn_version());
    onnx->model.graph = &onnx->graph;
    onnx->model.n_opset_import = 1;
    onnx->model.opset_import = onnx->opsets;
    return onnx;
}

void mwn_onnx_free(mwn_onnx *onnx)
{
    if (!onnx)
        return;
    for (size_t i = 0; i < onnx->blocks.count; i++)
        mwn_free(onnx->blocks.item[i]);
    mwn_free(onnx->blocks.item);
    mwn_free(onnx->nodes.item);
    mwn_free(onnx->constants.item);
    mwn_free(onnx->notes.item);
    mwn_free(onnx->attributes.item);
    mwn_free(onnx);
}

/* ---- Inputs and outputs ------------------------------------------------------------- */

static Onnx__TensorShapeProto *make_shape(mwn_onnx *onnx, int dims, const int *shape)
{
    static char batch[] = "batch";
    size_t count = (size_t)dims + 1;
    Onnx__TensorShapeProto *out = keep(onnx, 1, sizeof(*out));
    Onnx__TensorShapeProto__Dimension **dim = keep(onnx, count, sizeof(*dim));
    Onnx__TensorShapeProto__Dimension *dimension = keep(onnx, count, sizeof(*dimension));
    if (!out || !dim || !dimension)
        return NULL;
    onnx__tensor_shape_proto__init(out);
    for (size_t i = 0; i < count; i++) {
        dim[i] = &dimension[i];
        onnx__tensor_shape_proto__dimension__init(dim[i]);
        if (i == 0)
            dim[i]->dim_param = batch;
        dim[i]->has_dim_value = i > 0;
        dim[i]->dim_value = i > 0 ? shape[i - 1] : 0;
    }
    out->n_dim = count;
    out->dim = dim;
    return out;
}

static Onnx__ValueInfoProto *make_value(mwn_onnx *onnx, const char *name, int dims,
                                        const int *shape)
{
    Onnx__ValueInfoProto *value = keep(onnx, 1, sizeof(*value));
    Onnx__TypeProto *type = keep(onnx, 1, sizeof(*type));
    Onnx__TypeProto__Tensor *tensor = keep(onnx, 1, sizeof(*tensor));
    if (!value || !type || !tensor)
        return NULL;
    onnx__value_info_proto__init(value);
    onnx__type_proto__init(type);
    onnx__type_proto__tensor__init(tensor);
    tensor->has_elem_type = 1;
    tensor->elem_type = DATA_FLOAT;
    tensor->shape = make_shape(onnx, dims, shape);
    type->tensor_type = tensor;
    value->type = type;
    value->name = keep_text(onnx, name);
    return value;
}

void mwn_onnx_input(mwn_onnx *onnx, const char *name, int dims, const int *shape)
{
    onnx->input[0] = make_value(onnx, name, dims, shape);
    onnx->graph.n_input = 1;
    onnx->graph.input = onnx->input;
}

void mwn_onnx_output(mwn_onnx *onnx, const char *name, int dims, const int *shape)
{
    onnx->output[0] = make_value(onnx, name, dims, shape);
    onnx->graph.n_output = 1;
    onnx->graph.output = onnx->output;
}

/* ---- Constants ---------------------------------------------------------------------- */

/* A constant whose numbers, count items of `size` bytes, are to be filled in; NULL if memory
 * is out. */
static void *add_constant(mwn_onnx *onnx, const char *name, int dims, const int64_t *shape,
                          size_t size)
{
    size_t count = 1;
    for (int d = 0; d < dims; d++)
        count *= (size_t)shape[d];
    Onnx__TensorProto *tensor = keep(onnx, 1, sizeof(*tensor));
    int64_t *copy = keep(onnx, (size_t)dims, sizeof(*copy));
    void *numbers = keep(onnx, count, size);
    if (!tensor || !copy || !numbers)
        return NULL;
    memcpy(copy, shape, (size_t)dims * sizeof(*copy));
    onnx__tensor_proto__init(tensor);
    tensor->name = keep_text(onnx, name);
    tensor->n_dims = (size_t)dims;
    tensor->dims = copy;
    tensor->has_data_type = 1;
    tensor->data_type = size == sizeof(float) ? DATA_FLOAT : DATA_INT64;
    tensor->has_raw_data = 1;
    tensor->raw_data.len = count * size;
    tensor->raw_data.data = numbers;
    return list_add(onnx, &onnx->constants, tensor) ? numbers : NULL;
}

void mwn_onnx_floats(mwn_onnx *onnx, const char *name, int dims, const int *shape,
                     const double *values)
{
    int64_t wide[4] = {0};
    size_t count = 1;
    for (int d = 0; d < dims && d < 4; d++) {
        wide[d] = shape[d];
        count *= (size_t)shape[d];
    }
    float *numbers = add_constant(onnx, name, dims, wide, sizeof(*numbers));
    for (size_t i = 0; numbers && i < count; i++)
        numbers[i] = (float)values[i];
}

void mwn_onnx_ints(mwn_onnx *onnx, const char *name, size_t count, const int64_t *values)
{
    const int64_t shape[1] = {(int64_t)count};
    int64_t *numbers = add_constant(onnx, name, 1, shape, sizeof(*numbers));
    if (numbers)
        memcpy(numbers, values, count * sizeof(*values));
}

/* ---- Nodes -------------------------------------------------------------------------- */

/* Gives the node added last its attributes. */
static void close_node(mwn_onnx *onnx)
{
    size_t count = onnx->attributes.count;
    if (count == 0 || onnx->nodes.count == 0)
        return;
    Onnx__NodeProto *node = onnx->nodes.item[onnx->nodes.count - 1];
    Onnx__AttributeProto **attribute = keep(onnx, count, sizeof(*attribute));
    onnx->attributes.count = 0;
    if (!attribute)
        return;
    memcpy(attribute, onnx->attributes.item, count * sizeof(*attribute));
    node->n_attribute = count;
    node->attribute = attribute;
}

void mwn_onnx_node(mwn_onnx *onnx, const char *op, const char *output,
                   const char *const *inputs)
{
    size_t count = 0;
    while (inputs[count])
        count++;
    close_node(onnx);
    Onnx__NodeProto *node = keep(onnx, 1, sizeof(*node));
    char **names = keep(onnx, count + 1, sizeof(*names));
    if (!node || !names)
        return;
    onnx__node_proto__init(node);
    for (size_t i = 0; i < count; i++)
        names[i] = keep_text(onnx, inputs[i]);
    names[count] = keep_text(onnx, output);
    node->n_input = count;
    node->input = names;
    node->n_output = 1;
    node->output = names + count;
    node->name = names[count];
    node->op_type = keep_text(onnx, op);
    (void)list_add(onnx, &onnx->nodes, node);
}

static Onnx__AttributeProto *add_attribute(mwn_onnx *onnx, const char *name, int type)
{
    Onnx__AttributeProto *attribute = keep(onnx, 1, sizeof(*attribute));
    if (!attribute)
        return NULL;
    onnx__attribute_proto__init(attribute);
    attribute->name = keep_text(onnx, name);
    attribute->has_type = 1;
    attribute->type = type;
    return list_add(onnx, &onnx->attributes, attribute) ? attribute : NULL;
}

void mwn_onnx_set_int(mwn_onnx *onnx, const char *name, int64_t value)
{
    Onnx__AttributeProto *attribute = add_attribute(onnx, name, TYPE_INT);
    if (!attribute)
        return;
    attribute->has_i = 1;
    attribute->i = value;
}

void mwn_onnx_set_real(mwn_onnx *onnx, const char *name, double value)
{
    Onnx__AttributeProto *attribute = add_attribute(onnx, name, TYPE_FLOAT);
    if (!attribute)
        return;
    attribute->has_f = 1;
    attribute->f = (float)value;
}

void mwn_onnx_set_ints(mwn_onnx *onnx, const char *name, size_t count,
                       const int64_t *values)
{
    Onnx__AttributeProto *attribute = add_attribute(onnx, name, TYPE_INTS);
    int64_t *copy = keep(onnx, count, sizeof(*copy));
    if (!attribute || !copy)
        return;
    memcpy(copy, values, count * sizeof(*copy));
    attribute->n_ints = count;
    attribute->ints = copy;
}

/* ---- What describes it, and writing ------------------------------------------------- */

void mwn_onnx_note(mwn_onnx *onnx, const char *key, const char *value)
{
    Onnx__StringStringEntryProto *note = value ? keep(onnx, 1, sizeof(*note)) : NULL;
    if (!note)
        return;
    onnx__string_string_entry_proto__init(note);
    note->key = keep_text(onnx, key);
    note->value = keep_text(onnx, value);
    (void)list_add(onnx, &onnx->notes, note);
}

void mwn_onnx_describe(mwn_onnx *onnx, const char *graph, const char *text)
{
    onnx->graph.name = keep_text(onnx, graph);
    onnx->model.doc_string = keep_text(onnx, text);
}

static void collect(mwn_onnx *onnx)
{
    close_node(onnx);
    onnx->graph.n_node = onnx->nodes.count;
    onnx->graph.node = (Onnx__NodeProto **)onnx->nodes.item;
    onnx->graph.n_initializer = onnx->constants.count;
    onnx->graph.initializer = (Onnx__TensorProto **)onnx->constants.item;
    onnx->model.n_metadata_props = onnx->notes.count;
    onnx->model.metadata_props = (Onnx__StringStringEntryProto **)onnx->notes.item;
}

/* Packed in one piece: protobuf-c's way of packing piece by piece loses what it finds no
 * memory for. */
mwn_status mwn_onnx_write(mwn_onnx *onnx, const char *path, size_t *bytes,
                          struct mwn_error *err)
{
    collect(onnx);
    if (onnx->wanted)
        return mwn_fail_memory(err, onnx->wanted, "an ONNX model");
    size_t size = protobuf_c_message_get_packed_size(&onnx->model.base);
    if (size > INT_MAX)
        return mwn_fail(err, MWN_ERR_RUNTIME,
                        "%s: the model takes %zu bytes, ONNX files hold 2 GB", path, size);
    unsigned char *packed = mwn_alloc(size, 1);
    if (!packed)
        return mwn_fail_memory(err, size, "an ONNX model");
    *bytes = protobuf_c_message_pack(&onnx->model.base, packed);
    mwn_status status = mwn_file_write(path, packed, size, err);
    mwn_free(packed);
    return status;
}
