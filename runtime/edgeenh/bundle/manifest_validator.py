"""The manifest's JSON Schema as Python. Made by tests/runtime/bundle/manifest_validator/generate.py; do not edit."""
# mypy: ignore-errors
# ruff: noqa

from __future__ import annotations

from decimal import Decimal
import re
from edgeenh.bundle.schema_failure import SchemaFailure
REGEX_PATTERNS = {'^[a-z0-9][a-z0-9._-]{0,63}$': re.compile('^[a-z0-9][a-z0-9._-]{0,63}\\Z'), '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$': re.compile('^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z\\Z'), '^[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*$': re.compile('^[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*\\Z'), '^[0-9a-f]{64}$': re.compile('^[0-9a-f]{64}\\Z')}
NoneType = type(None)

def validate_https___edgeenh_dev_schema_manifest_1_json(data, custom_formats={}, name_prefix=None):
    if not isinstance(data, dict):
        raise SchemaFailure(value=data, name='' + (name_prefix or 'data') + '', rule='type', asked='object')
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data__missing_keys = set(['schema_version', 'manifest_sha256', 'id', 'version', 'created', 'generator', 'image', 'training', 'onnx', 'precisions', 'files', 'golden', 'gate', 'engines', 'tools']) - data.keys()
        if data__missing_keys:
            raise SchemaFailure(value=data, name='' + (name_prefix or 'data') + '', rule='required', asked=['schema_version', 'manifest_sha256', 'id', 'version', 'created', 'generator', 'image', 'training', 'onnx', 'precisions', 'files', 'golden', 'gate', 'engines', 'tools'])
        data_keys = set(data.keys())
        if 'schema_version' in data_keys:
            data_keys.remove('schema_version')
            data__schemaversion = data['schema_version']
            if not (isinstance(data__schemaversion, (int, float)) and (not isinstance(data__schemaversion, bool)) and (data__schemaversion == 1)):
                raise SchemaFailure(value=data__schemaversion, name='' + (name_prefix or 'data') + '.schema_version', rule='const', asked=1)
        if 'manifest_sha256' in data_keys:
            data_keys.remove('manifest_sha256')
            data__manifestsha256 = data['manifest_sha256']
            validate_https___edgeenh_dev_schema_manifest_1_json__definitions_sha256(data__manifestsha256, custom_formats, (name_prefix or 'data') + '.manifest_sha256')
        if 'id' in data_keys:
            data_keys.remove('id')
            data__id = data['id']
            if not isinstance(data__id, str):
                raise SchemaFailure(value=data__id, name='' + (name_prefix or 'data') + '.id', rule='type', asked='string')
            if isinstance(data__id, str):
                if not REGEX_PATTERNS['^[a-z0-9][a-z0-9._-]{0,63}$'].search(data__id):
                    raise SchemaFailure(value=data__id, name='' + (name_prefix or 'data') + '.id', rule='pattern', asked='^[a-z0-9][a-z0-9._-]{0,63}$')
        if 'version' in data_keys:
            data_keys.remove('version')
            data__version = data['version']
            if not isinstance(data__version, int) and (not (isinstance(data__version, float) and data__version.is_integer())) or isinstance(data__version, bool):
                raise SchemaFailure(value=data__version, name='' + (name_prefix or 'data') + '.version', rule='type', asked='integer')
            if isinstance(data__version, (int, float, Decimal)) and (not isinstance(data__version, bool)):
                if data__version < 1:
                    raise SchemaFailure(value=data__version, name='' + (name_prefix or 'data') + '.version', rule='minimum', asked=1)
        if 'created' in data_keys:
            data_keys.remove('created')
            data__created = data['created']
            if not isinstance(data__created, str):
                raise SchemaFailure(value=data__created, name='' + (name_prefix or 'data') + '.created', rule='type', asked='string')
            if isinstance(data__created, str):
                if not REGEX_PATTERNS['^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$'].search(data__created):
                    raise SchemaFailure(value=data__created, name='' + (name_prefix or 'data') + '.created', rule='pattern', asked='^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$')
        if 'generator' in data_keys:
            data_keys.remove('generator')
            data__generator = data['generator']
            if not isinstance(data__generator, dict):
                raise SchemaFailure(value=data__generator, name='' + (name_prefix or 'data') + '.generator', rule='type', asked='object')
            data__generator_is_dict = isinstance(data__generator, dict)
            if data__generator_is_dict:
                data__generator__missing_keys = set(['variant', 'parameters', 'macs_per_pixel', 'cap', 'size_multiple', 'min_size', 'max_size', 'fixed_size']) - data__generator.keys()
                if data__generator__missing_keys:
                    raise SchemaFailure(value=data__generator, name='' + (name_prefix or 'data') + '.generator', rule='required', asked=['variant', 'parameters', 'macs_per_pixel', 'cap', 'size_multiple', 'min_size', 'max_size', 'fixed_size'])
                data__generator_keys = set(data__generator.keys())
                if 'variant' in data__generator_keys:
                    data__generator_keys.remove('variant')
                    data__generator__variant = data__generator['variant']
                    validate_https___edgeenh_dev_schema_manifest_1_json__definitions_text(data__generator__variant, custom_formats, (name_prefix or 'data') + '.generator.variant')
                if 'parameters' in data__generator_keys:
                    data__generator_keys.remove('parameters')
                    data__generator__parameters = data__generator['parameters']
                    if not isinstance(data__generator__parameters, int) and (not (isinstance(data__generator__parameters, float) and data__generator__parameters.is_integer())) or isinstance(data__generator__parameters, bool):
                        raise SchemaFailure(value=data__generator__parameters, name='' + (name_prefix or 'data') + '.generator.parameters', rule='type', asked='integer')
                    if isinstance(data__generator__parameters, (int, float, Decimal)) and (not isinstance(data__generator__parameters, bool)):
                        if data__generator__parameters < 0:
                            raise SchemaFailure(value=data__generator__parameters, name='' + (name_prefix or 'data') + '.generator.parameters', rule='minimum', asked=0)
                if 'macs_per_pixel' in data__generator_keys:
                    data__generator_keys.remove('macs_per_pixel')
                    data__generator__macsperpixel = data__generator['macs_per_pixel']
                    if not isinstance(data__generator__macsperpixel, (int, float, Decimal)) or isinstance(data__generator__macsperpixel, bool):
                        raise SchemaFailure(value=data__generator__macsperpixel, name='' + (name_prefix or 'data') + '.generator.macs_per_pixel', rule='type', asked='number')
                    if isinstance(data__generator__macsperpixel, (int, float, Decimal)) and (not isinstance(data__generator__macsperpixel, bool)):
                        if data__generator__macsperpixel < 0:
                            raise SchemaFailure(value=data__generator__macsperpixel, name='' + (name_prefix or 'data') + '.generator.macs_per_pixel', rule='minimum', asked=0)
                if 'cap' in data__generator_keys:
                    data__generator_keys.remove('cap')
                    data__generator__cap = data__generator['cap']
                    if not isinstance(data__generator__cap, (int, float, Decimal)) or isinstance(data__generator__cap, bool):
                        raise SchemaFailure(value=data__generator__cap, name='' + (name_prefix or 'data') + '.generator.cap', rule='type', asked='number')
                    if isinstance(data__generator__cap, (int, float, Decimal)) and (not isinstance(data__generator__cap, bool)):
                        if data__generator__cap > 1:
                            raise SchemaFailure(value=data__generator__cap, name='' + (name_prefix or 'data') + '.generator.cap', rule='maximum', asked=1)
                        if data__generator__cap <= 0:
                            raise SchemaFailure(value=data__generator__cap, name='' + (name_prefix or 'data') + '.generator.cap', rule='exclusiveMinimum', asked=0)
                if 'size_multiple' in data__generator_keys:
                    data__generator_keys.remove('size_multiple')
                    data__generator__sizemultiple = data__generator['size_multiple']
                    if not isinstance(data__generator__sizemultiple, int) and (not (isinstance(data__generator__sizemultiple, float) and data__generator__sizemultiple.is_integer())) or isinstance(data__generator__sizemultiple, bool):
                        raise SchemaFailure(value=data__generator__sizemultiple, name='' + (name_prefix or 'data') + '.generator.size_multiple', rule='type', asked='integer')
                    if isinstance(data__generator__sizemultiple, (int, float, Decimal)) and (not isinstance(data__generator__sizemultiple, bool)):
                        if data__generator__sizemultiple < 1:
                            raise SchemaFailure(value=data__generator__sizemultiple, name='' + (name_prefix or 'data') + '.generator.size_multiple', rule='minimum', asked=1)
                        if data__generator__sizemultiple > 1024:
                            raise SchemaFailure(value=data__generator__sizemultiple, name='' + (name_prefix or 'data') + '.generator.size_multiple', rule='maximum', asked=1024)
                if 'min_size' in data__generator_keys:
                    data__generator_keys.remove('min_size')
                    data__generator__minsize = data__generator['min_size']
                    validate_https___edgeenh_dev_schema_manifest_1_json__definitions_size(data__generator__minsize, custom_formats, (name_prefix or 'data') + '.generator.min_size')
                if 'max_size' in data__generator_keys:
                    data__generator_keys.remove('max_size')
                    data__generator__maxsize = data__generator['max_size']
                    validate_https___edgeenh_dev_schema_manifest_1_json__definitions_size(data__generator__maxsize, custom_formats, (name_prefix or 'data') + '.generator.max_size')
                if 'fixed_size' in data__generator_keys:
                    data__generator_keys.remove('fixed_size')
                    data__generator__fixedsize = data__generator['fixed_size']
                    data__generator__fixedsize_one_of_count1 = 0
                    if data__generator__fixedsize_one_of_count1 < 2:
                        try:
                            if not isinstance(data__generator__fixedsize, NoneType):
                                raise SchemaFailure(value=data__generator__fixedsize, name='' + (name_prefix or 'data') + '.generator.fixed_size', rule='type', asked='null')
                            data__generator__fixedsize_one_of_count1 += 1
                        except SchemaFailure:
                            pass
                    if data__generator__fixedsize_one_of_count1 < 2:
                        try:
                            validate_https___edgeenh_dev_schema_manifest_1_json__definitions_size(data__generator__fixedsize, custom_formats, (name_prefix or 'data') + '.generator.fixed_size')
                            data__generator__fixedsize_one_of_count1 += 1
                        except SchemaFailure:
                            pass
                    if data__generator__fixedsize_one_of_count1 != 1:
                        raise SchemaFailure(value=data__generator__fixedsize, name='' + (name_prefix or 'data') + '.generator.fixed_size', rule='oneOf', asked=[{'type': 'null'}, {'description': 'Width and height in pixels.', 'type': 'array', 'items': {'type': 'integer', 'minimum': 1, 'maximum': 65535}, 'minItems': 2, 'maxItems': 2}])
                if 'scale' in data__generator_keys:
                    data__generator_keys.remove('scale')
                    data__generator__scale = data__generator['scale']
                    if not isinstance(data__generator__scale, int) and (not (isinstance(data__generator__scale, float) and data__generator__scale.is_integer())) or isinstance(data__generator__scale, bool):
                        raise SchemaFailure(value=data__generator__scale, name='' + (name_prefix or 'data') + '.generator.scale', rule='type', asked='integer')
                    if isinstance(data__generator__scale, (int, float, Decimal)) and (not isinstance(data__generator__scale, bool)):
                        if data__generator__scale < 2:
                            raise SchemaFailure(value=data__generator__scale, name='' + (name_prefix or 'data') + '.generator.scale', rule='minimum', asked=2)
                        if data__generator__scale > 8:
                            raise SchemaFailure(value=data__generator__scale, name='' + (name_prefix or 'data') + '.generator.scale', rule='maximum', asked=8)
                if data__generator_keys:
                    raise SchemaFailure(value=data__generator, name='' + (name_prefix or 'data') + '.generator', rule='additionalProperties', asked=False)
        if 'image' in data_keys:
            data_keys.remove('image')
            data__image = data['image']
            if not (isinstance(data__image, dict) and len(data__image) == 5 and ('dtype' in data__image) and isinstance(data__image['dtype'], str) and (data__image['dtype'] == 'uint8') and ('layout' in data__image) and isinstance(data__image['layout'], str) and (data__image['layout'] == 'NHWC') and ('channels' in data__image) and isinstance(data__image['channels'], (int, float)) and (not isinstance(data__image['channels'], bool)) and (data__image['channels'] == 3) and ('colour_order' in data__image) and isinstance(data__image['colour_order'], str) and (data__image['colour_order'] == 'RGB') and ('range' in data__image) and isinstance(data__image['range'], (list, tuple)) and (len(data__image['range']) == 2) and isinstance(data__image['range'][0], (int, float)) and (not isinstance(data__image['range'][0], bool)) and (data__image['range'][0] == 0) and isinstance(data__image['range'][1], (int, float)) and (not isinstance(data__image['range'][1], bool)) and (data__image['range'][1] == 255) or (isinstance(data__image, dict) and len(data__image) == 6 and ('dtype' in data__image) and isinstance(data__image['dtype'], str) and (data__image['dtype'] == 'float32') and ('layout' in data__image) and isinstance(data__image['layout'], str) and (data__image['layout'] == 'NHWC') and ('channels' in data__image) and isinstance(data__image['channels'], (int, float)) and (not isinstance(data__image['channels'], bool)) and (data__image['channels'] == 1) and ('colour_order' in data__image) and isinstance(data__image['colour_order'], str) and (data__image['colour_order'] == 'grey') and ('range' in data__image) and isinstance(data__image['range'], (list, tuple)) and (len(data__image['range']) == 2) and isinstance(data__image['range'][0], (int, float)) and (not isinstance(data__image['range'][0], bool)) and (data__image['range'][0] == 0) and isinstance(data__image['range'][1], (int, float)) and (not isinstance(data__image['range'][1], bool)) and (data__image['range'][1] == 1) and ('bits' in data__image) and isinstance(data__image['bits'], (list, tuple)) and (len(data__image['bits']) == 2) and isinstance(data__image['bits'][0], (int, float)) and (not isinstance(data__image['bits'][0], bool)) and (data__image['bits'][0] == 8) and isinstance(data__image['bits'][1], (int, float)) and (not isinstance(data__image['bits'][1], bool)) and (data__image['bits'][1] == 16))):
                raise SchemaFailure(value=data__image, name='' + (name_prefix or 'data') + '.image', rule='enum', asked=[{'dtype': 'uint8', 'layout': 'NHWC', 'channels': 3, 'colour_order': 'RGB', 'range': [0, 255]}, {'dtype': 'float32', 'layout': 'NHWC', 'channels': 1, 'colour_order': 'grey', 'range': [0, 1], 'bits': [8, 16]}])
        if 'training' in data_keys:
            data_keys.remove('training')
            data__training = data['training']
            if not isinstance(data__training, dict):
                raise SchemaFailure(value=data__training, name='' + (name_prefix or 'data') + '.training', rule='type', asked='object')
            data__training_is_dict = isinstance(data__training, dict)
            if data__training_is_dict:
                data__training__missing_keys = set(['data', 'licence', 'images_seen', 'checkpoint_sha256']) - data__training.keys()
                if data__training__missing_keys:
                    raise SchemaFailure(value=data__training, name='' + (name_prefix or 'data') + '.training', rule='required', asked=['data', 'licence', 'images_seen', 'checkpoint_sha256'])
                data__training_keys = set(data__training.keys())
                if 'data' in data__training_keys:
                    data__training_keys.remove('data')
                    data__training__data = data__training['data']
                    validate_https___edgeenh_dev_schema_manifest_1_json__definitions_text(data__training__data, custom_formats, (name_prefix or 'data') + '.training.data')
                if 'licence' in data__training_keys:
                    data__training_keys.remove('licence')
                    data__training__licence = data__training['licence']
                    validate_https___edgeenh_dev_schema_manifest_1_json__definitions_text(data__training__licence, custom_formats, (name_prefix or 'data') + '.training.licence')
                if 'images_seen' in data__training_keys:
                    data__training_keys.remove('images_seen')
                    data__training__imagesseen = data__training['images_seen']
                    if not isinstance(data__training__imagesseen, int) and (not (isinstance(data__training__imagesseen, float) and data__training__imagesseen.is_integer())) or isinstance(data__training__imagesseen, bool):
                        raise SchemaFailure(value=data__training__imagesseen, name='' + (name_prefix or 'data') + '.training.images_seen', rule='type', asked='integer')
                    if isinstance(data__training__imagesseen, (int, float, Decimal)) and (not isinstance(data__training__imagesseen, bool)):
                        if data__training__imagesseen < 0:
                            raise SchemaFailure(value=data__training__imagesseen, name='' + (name_prefix or 'data') + '.training.images_seen', rule='minimum', asked=0)
                if 'checkpoint_sha256' in data__training_keys:
                    data__training_keys.remove('checkpoint_sha256')
                    data__training__checkpointsha256 = data__training['checkpoint_sha256']
                    validate_https___edgeenh_dev_schema_manifest_1_json__definitions_sha256(data__training__checkpointsha256, custom_formats, (name_prefix or 'data') + '.training.checkpoint_sha256')
                if data__training_keys:
                    raise SchemaFailure(value=data__training, name='' + (name_prefix or 'data') + '.training', rule='additionalProperties', asked=False)
        if 'onnx' in data_keys:
            data_keys.remove('onnx')
            data__onnx = data['onnx']
            if not isinstance(data__onnx, dict):
                raise SchemaFailure(value=data__onnx, name='' + (name_prefix or 'data') + '.onnx', rule='type', asked='object')
            data__onnx_is_dict = isinstance(data__onnx, dict)
            if data__onnx_is_dict:
                data__onnx__missing_keys = set(['opset', 'ir_version']) - data__onnx.keys()
                if data__onnx__missing_keys:
                    raise SchemaFailure(value=data__onnx, name='' + (name_prefix or 'data') + '.onnx', rule='required', asked=['opset', 'ir_version'])
                data__onnx_keys = set(data__onnx.keys())
                if 'opset' in data__onnx_keys:
                    data__onnx_keys.remove('opset')
                    data__onnx__opset = data__onnx['opset']
                    if not isinstance(data__onnx__opset, int) and (not (isinstance(data__onnx__opset, float) and data__onnx__opset.is_integer())) or isinstance(data__onnx__opset, bool):
                        raise SchemaFailure(value=data__onnx__opset, name='' + (name_prefix or 'data') + '.onnx.opset', rule='type', asked='integer')
                    if isinstance(data__onnx__opset, (int, float, Decimal)) and (not isinstance(data__onnx__opset, bool)):
                        if data__onnx__opset < 1:
                            raise SchemaFailure(value=data__onnx__opset, name='' + (name_prefix or 'data') + '.onnx.opset', rule='minimum', asked=1)
                if 'ir_version' in data__onnx_keys:
                    data__onnx_keys.remove('ir_version')
                    data__onnx__irversion = data__onnx['ir_version']
                    if not isinstance(data__onnx__irversion, int) and (not (isinstance(data__onnx__irversion, float) and data__onnx__irversion.is_integer())) or isinstance(data__onnx__irversion, bool):
                        raise SchemaFailure(value=data__onnx__irversion, name='' + (name_prefix or 'data') + '.onnx.ir_version', rule='type', asked='integer')
                    if isinstance(data__onnx__irversion, (int, float, Decimal)) and (not isinstance(data__onnx__irversion, bool)):
                        if data__onnx__irversion < 1:
                            raise SchemaFailure(value=data__onnx__irversion, name='' + (name_prefix or 'data') + '.onnx.ir_version', rule='minimum', asked=1)
                if data__onnx_keys:
                    raise SchemaFailure(value=data__onnx, name='' + (name_prefix or 'data') + '.onnx', rule='additionalProperties', asked=False)
        if 'precisions' in data_keys:
            data_keys.remove('precisions')
            data__precisions = data['precisions']
            if not isinstance(data__precisions, dict):
                raise SchemaFailure(value=data__precisions, name='' + (name_prefix or 'data') + '.precisions', rule='type', asked='object')
            data__precisions_is_dict = isinstance(data__precisions, dict)
            if data__precisions_is_dict:
                data__precisions__missing_keys = set(['fp32']) - data__precisions.keys()
                if data__precisions__missing_keys:
                    raise SchemaFailure(value=data__precisions, name='' + (name_prefix or 'data') + '.precisions', rule='required', asked=['fp32'])
                data__precisions_keys = set(data__precisions.keys())
                if 'fp32' in data__precisions_keys:
                    data__precisions_keys.remove('fp32')
                    data__precisions__fp32 = data__precisions['fp32']
                    validate_https___edgeenh_dev_schema_manifest_1_json__definitions_member(data__precisions__fp32, custom_formats, (name_prefix or 'data') + '.precisions.fp32')
                if 'fp16' in data__precisions_keys:
                    data__precisions_keys.remove('fp16')
                    data__precisions__fp16 = data__precisions['fp16']
                    validate_https___edgeenh_dev_schema_manifest_1_json__definitions_member(data__precisions__fp16, custom_formats, (name_prefix or 'data') + '.precisions.fp16')
                if 'int8' in data__precisions_keys:
                    data__precisions_keys.remove('int8')
                    data__precisions__int8 = data__precisions['int8']
                    validate_https___edgeenh_dev_schema_manifest_1_json__definitions_member(data__precisions__int8, custom_formats, (name_prefix or 'data') + '.precisions.int8')
                if data__precisions_keys:
                    raise SchemaFailure(value=data__precisions, name='' + (name_prefix or 'data') + '.precisions', rule='additionalProperties', asked=False)
        if 'files' in data_keys:
            data_keys.remove('files')
            data__files = data['files']
            if not isinstance(data__files, dict):
                raise SchemaFailure(value=data__files, name='' + (name_prefix or 'data') + '.files', rule='type', asked='object')
            data__files_is_dict = isinstance(data__files, dict)
            if data__files_is_dict:
                data__files_keys = set(data__files.keys())
                for data__files_key in data__files_keys:
                    if data__files_key not in []:
                        data__files_value = data__files.get(data__files_key)
                        if not isinstance(data__files_value, dict):
                            raise SchemaFailure(value=data__files_value, name='' + (name_prefix or 'data') + '.files.{data__files_key}'.format(**locals()) + '', rule='type', asked='object')
                        data__files_value_is_dict = isinstance(data__files_value, dict)
                        if data__files_value_is_dict:
                            data__files_value__missing_keys = set(['sha256', 'bytes']) - data__files_value.keys()
                            if data__files_value__missing_keys:
                                raise SchemaFailure(value=data__files_value, name='' + (name_prefix or 'data') + '.files.{data__files_key}'.format(**locals()) + '', rule='required', asked=['sha256', 'bytes'])
                            data__files_value_keys = set(data__files_value.keys())
                            if 'sha256' in data__files_value_keys:
                                data__files_value_keys.remove('sha256')
                                data__files_value__sha256 = data__files_value['sha256']
                                validate_https___edgeenh_dev_schema_manifest_1_json__definitions_sha256(data__files_value__sha256, custom_formats, (name_prefix or 'data') + '.files.{data__files_key}.sha256'.format(**locals()))
                            if 'bytes' in data__files_value_keys:
                                data__files_value_keys.remove('bytes')
                                data__files_value__bytes = data__files_value['bytes']
                                if not isinstance(data__files_value__bytes, int) and (not (isinstance(data__files_value__bytes, float) and data__files_value__bytes.is_integer())) or isinstance(data__files_value__bytes, bool):
                                    raise SchemaFailure(value=data__files_value__bytes, name='' + (name_prefix or 'data') + '.files.{data__files_key}.bytes'.format(**locals()) + '', rule='type', asked='integer')
                                if isinstance(data__files_value__bytes, (int, float, Decimal)) and (not isinstance(data__files_value__bytes, bool)):
                                    if data__files_value__bytes < 0:
                                        raise SchemaFailure(value=data__files_value__bytes, name='' + (name_prefix or 'data') + '.files.{data__files_key}.bytes'.format(**locals()) + '', rule='minimum', asked=0)
                            if data__files_value_keys:
                                raise SchemaFailure(value=data__files_value, name='' + (name_prefix or 'data') + '.files.{data__files_key}'.format(**locals()) + '', rule='additionalProperties', asked=False)
                data__files_len = len(data__files)
                if data__files_len != 0:
                    data__files_property_names = True
                    for data__files_key in data__files:
                        try:
                            validate_https___edgeenh_dev_schema_manifest_1_json__definitions_member(data__files_key, custom_formats, (name_prefix or 'data') + '.files')
                        except SchemaFailure:
                            data__files_property_names = False
                    if not data__files_property_names:
                        raise SchemaFailure(value=data__files, name='' + (name_prefix or 'data') + '.files', rule='propertyNames', asked={'type': 'string', 'maxLength': 200, 'pattern': '^[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*$'})
        if 'golden' in data_keys:
            data_keys.remove('golden')
            data__golden = data['golden']
            if not isinstance(data__golden, (list, tuple)):
                raise SchemaFailure(value=data__golden, name='' + (name_prefix or 'data') + '.golden', rule='type', asked='array')
            data__golden_is_list = isinstance(data__golden, (list, tuple))
            if data__golden_is_list:
                data__golden_len = len(data__golden)
                if data__golden_len < 1:
                    raise SchemaFailure(value=data__golden, name='' + (name_prefix or 'data') + '.golden', rule='minItems', asked=1)
                for data__golden_x, data__golden_item in enumerate(data__golden):
                    if not isinstance(data__golden_item, dict):
                        raise SchemaFailure(value=data__golden_item, name='' + (name_prefix or 'data') + '.golden[{data__golden_x}]'.format(**locals()) + '', rule='type', asked='object')
                    data__golden_item_is_dict = isinstance(data__golden_item, dict)
                    if data__golden_item_is_dict:
                        data__golden_item__missing_keys = set(['name', 'image', 'reference']) - data__golden_item.keys()
                        if data__golden_item__missing_keys:
                            raise SchemaFailure(value=data__golden_item, name='' + (name_prefix or 'data') + '.golden[{data__golden_x}]'.format(**locals()) + '', rule='required', asked=['name', 'image', 'reference'])
                        data__golden_item_keys = set(data__golden_item.keys())
                        if 'name' in data__golden_item_keys:
                            data__golden_item_keys.remove('name')
                            data__golden_item__name = data__golden_item['name']
                            validate_https___edgeenh_dev_schema_manifest_1_json__definitions_text(data__golden_item__name, custom_formats, (name_prefix or 'data') + '.golden[{data__golden_x}].name'.format(**locals()))
                        if 'image' in data__golden_item_keys:
                            data__golden_item_keys.remove('image')
                            data__golden_item__image = data__golden_item['image']
                            validate_https___edgeenh_dev_schema_manifest_1_json__definitions_member(data__golden_item__image, custom_formats, (name_prefix or 'data') + '.golden[{data__golden_x}].image'.format(**locals()))
                        if 'reference' in data__golden_item_keys:
                            data__golden_item_keys.remove('reference')
                            data__golden_item__reference = data__golden_item['reference']
                            validate_https___edgeenh_dev_schema_manifest_1_json__definitions_member(data__golden_item__reference, custom_formats, (name_prefix or 'data') + '.golden[{data__golden_x}].reference'.format(**locals()))
                        if data__golden_item_keys:
                            raise SchemaFailure(value=data__golden_item, name='' + (name_prefix or 'data') + '.golden[{data__golden_x}]'.format(**locals()) + '', rule='additionalProperties', asked=False)
        if 'gate' in data_keys:
            data_keys.remove('gate')
            data__gate = data['gate']
            if not isinstance(data__gate, dict):
                raise SchemaFailure(value=data__gate, name='' + (name_prefix or 'data') + '.gate', rule='type', asked='object')
            data__gate_is_dict = isinstance(data__gate, dict)
            if data__gate_is_dict:
                data__gate__missing_keys = set(['thresholds', 'results']) - data__gate.keys()
                if data__gate__missing_keys:
                    raise SchemaFailure(value=data__gate, name='' + (name_prefix or 'data') + '.gate', rule='required', asked=['thresholds', 'results'])
                data__gate_keys = set(data__gate.keys())
                if 'thresholds' in data__gate_keys:
                    data__gate_keys.remove('thresholds')
                    data__gate__thresholds = data__gate['thresholds']
                    validate_https___edgeenh_dev_schema_manifest_1_json__definitions_thresholds(data__gate__thresholds, custom_formats, (name_prefix or 'data') + '.gate.thresholds')
                if 'int8_thresholds' in data__gate_keys:
                    data__gate_keys.remove('int8_thresholds')
                    data__gate__int8thresholds = data__gate['int8_thresholds']
                    validate_https___edgeenh_dev_schema_manifest_1_json__definitions_thresholds(data__gate__int8thresholds, custom_formats, (name_prefix or 'data') + '.gate.int8_thresholds')
                if 'results' in data__gate_keys:
                    data__gate_keys.remove('results')
                    data__gate__results = data__gate['results']
                    if not isinstance(data__gate__results, (list, tuple)):
                        raise SchemaFailure(value=data__gate__results, name='' + (name_prefix or 'data') + '.gate.results', rule='type', asked='array')
                    data__gate__results_is_list = isinstance(data__gate__results, (list, tuple))
                    if data__gate__results_is_list:
                        data__gate__results_len = len(data__gate__results)
                        for data__gate__results_x, data__gate__results_item in enumerate(data__gate__results):
                            validate_https___edgeenh_dev_schema_manifest_1_json__definitions_result(data__gate__results_item, custom_formats, (name_prefix or 'data') + '.gate.results[{data__gate__results_x}]'.format(**locals()))
                if data__gate_keys:
                    raise SchemaFailure(value=data__gate, name='' + (name_prefix or 'data') + '.gate', rule='additionalProperties', asked=False)
        if 'engines' in data_keys:
            data_keys.remove('engines')
            data__engines = data['engines']
            if not isinstance(data__engines, (list, tuple)):
                raise SchemaFailure(value=data__engines, name='' + (name_prefix or 'data') + '.engines', rule='type', asked='array')
            data__engines_is_list = isinstance(data__engines, (list, tuple))
            if data__engines_is_list:
                data__engines_len = len(data__engines)
                for data__engines_x, data__engines_item in enumerate(data__engines):
                    if not isinstance(data__engines_item, dict):
                        raise SchemaFailure(value=data__engines_item, name='' + (name_prefix or 'data') + '.engines[{data__engines_x}]'.format(**locals()) + '', rule='type', asked='object')
                    data__engines_item_is_dict = isinstance(data__engines_item, dict)
                    if data__engines_item_is_dict:
                        data__engines_item__missing_keys = set(['file', 'flavour', 'version', 'precision', 'onnx_sha256', 'name', 'profile', 'compute_capabilities']) - data__engines_item.keys()
                        if data__engines_item__missing_keys:
                            raise SchemaFailure(value=data__engines_item, name='' + (name_prefix or 'data') + '.engines[{data__engines_x}]'.format(**locals()) + '', rule='required', asked=['file', 'flavour', 'version', 'precision', 'onnx_sha256', 'name', 'profile', 'compute_capabilities'])
                        data__engines_item_keys = set(data__engines_item.keys())
                        if 'file' in data__engines_item_keys:
                            data__engines_item_keys.remove('file')
                            data__engines_item__file = data__engines_item['file']
                            validate_https___edgeenh_dev_schema_manifest_1_json__definitions_member(data__engines_item__file, custom_formats, (name_prefix or 'data') + '.engines[{data__engines_x}].file'.format(**locals()))
                        if 'flavour' in data__engines_item_keys:
                            data__engines_item_keys.remove('flavour')
                            data__engines_item__flavour = data__engines_item['flavour']
                            if not (isinstance(data__engines_item__flavour, str) and data__engines_item__flavour == 'tensorrt' or (isinstance(data__engines_item__flavour, str) and data__engines_item__flavour == 'tensorrt_rtx')):
                                raise SchemaFailure(value=data__engines_item__flavour, name='' + (name_prefix or 'data') + '.engines[{data__engines_x}].flavour'.format(**locals()) + '', rule='enum', asked=['tensorrt', 'tensorrt_rtx'])
                        if 'version' in data__engines_item_keys:
                            data__engines_item_keys.remove('version')
                            data__engines_item__version = data__engines_item['version']
                            validate_https___edgeenh_dev_schema_manifest_1_json__definitions_text(data__engines_item__version, custom_formats, (name_prefix or 'data') + '.engines[{data__engines_x}].version'.format(**locals()))
                        if 'precision' in data__engines_item_keys:
                            data__engines_item_keys.remove('precision')
                            data__engines_item__precision = data__engines_item['precision']
                            if not (isinstance(data__engines_item__precision, str) and data__engines_item__precision == 'fp32' or (isinstance(data__engines_item__precision, str) and data__engines_item__precision == 'fp16') or (isinstance(data__engines_item__precision, str) and data__engines_item__precision == 'int8')):
                                raise SchemaFailure(value=data__engines_item__precision, name='' + (name_prefix or 'data') + '.engines[{data__engines_x}].precision'.format(**locals()) + '', rule='enum', asked=['fp32', 'fp16', 'int8'])
                        if 'onnx_sha256' in data__engines_item_keys:
                            data__engines_item_keys.remove('onnx_sha256')
                            data__engines_item__onnxsha256 = data__engines_item['onnx_sha256']
                            validate_https___edgeenh_dev_schema_manifest_1_json__definitions_sha256(data__engines_item__onnxsha256, custom_formats, (name_prefix or 'data') + '.engines[{data__engines_x}].onnx_sha256'.format(**locals()))
                        if 'name' in data__engines_item_keys:
                            data__engines_item_keys.remove('name')
                            data__engines_item__name = data__engines_item['name']
                            validate_https___edgeenh_dev_schema_manifest_1_json__definitions_text(data__engines_item__name, custom_formats, (name_prefix or 'data') + '.engines[{data__engines_x}].name'.format(**locals()))
                        if 'profile' in data__engines_item_keys:
                            data__engines_item_keys.remove('profile')
                            data__engines_item__profile = data__engines_item['profile']
                            if not isinstance(data__engines_item__profile, dict):
                                raise SchemaFailure(value=data__engines_item__profile, name='' + (name_prefix or 'data') + '.engines[{data__engines_x}].profile'.format(**locals()) + '', rule='type', asked='object')
                            data__engines_item__profile_is_dict = isinstance(data__engines_item__profile, dict)
                            if data__engines_item__profile_is_dict:
                                data__engines_item__profile__missing_keys = set(['min', 'opt', 'max']) - data__engines_item__profile.keys()
                                if data__engines_item__profile__missing_keys:
                                    raise SchemaFailure(value=data__engines_item__profile, name='' + (name_prefix or 'data') + '.engines[{data__engines_x}].profile'.format(**locals()) + '', rule='required', asked=['min', 'opt', 'max'])
                                data__engines_item__profile_keys = set(data__engines_item__profile.keys())
                                if 'min' in data__engines_item__profile_keys:
                                    data__engines_item__profile_keys.remove('min')
                                    data__engines_item__profile__min = data__engines_item__profile['min']
                                    validate_https___edgeenh_dev_schema_manifest_1_json__definitions_size(data__engines_item__profile__min, custom_formats, (name_prefix or 'data') + '.engines[{data__engines_x}].profile.min'.format(**locals()))
                                if 'opt' in data__engines_item__profile_keys:
                                    data__engines_item__profile_keys.remove('opt')
                                    data__engines_item__profile__opt = data__engines_item__profile['opt']
                                    validate_https___edgeenh_dev_schema_manifest_1_json__definitions_size(data__engines_item__profile__opt, custom_formats, (name_prefix or 'data') + '.engines[{data__engines_x}].profile.opt'.format(**locals()))
                                if 'max' in data__engines_item__profile_keys:
                                    data__engines_item__profile_keys.remove('max')
                                    data__engines_item__profile__max = data__engines_item__profile['max']
                                    validate_https___edgeenh_dev_schema_manifest_1_json__definitions_size(data__engines_item__profile__max, custom_formats, (name_prefix or 'data') + '.engines[{data__engines_x}].profile.max'.format(**locals()))
                                if data__engines_item__profile_keys:
                                    raise SchemaFailure(value=data__engines_item__profile, name='' + (name_prefix or 'data') + '.engines[{data__engines_x}].profile'.format(**locals()) + '', rule='additionalProperties', asked=False)
                        if 'compute_capabilities' in data__engines_item_keys:
                            data__engines_item_keys.remove('compute_capabilities')
                            data__engines_item__computecapabilities = data__engines_item['compute_capabilities']
                            if not isinstance(data__engines_item__computecapabilities, (list, tuple)):
                                raise SchemaFailure(value=data__engines_item__computecapabilities, name='' + (name_prefix or 'data') + '.engines[{data__engines_x}].compute_capabilities'.format(**locals()) + '', rule='type', asked='array')
                            data__engines_item__computecapabilities_is_list = isinstance(data__engines_item__computecapabilities, (list, tuple))
                            if data__engines_item__computecapabilities_is_list:
                                data__engines_item__computecapabilities_len = len(data__engines_item__computecapabilities)
                                for data__engines_item__computecapabilities_x, data__engines_item__computecapabilities_item in enumerate(data__engines_item__computecapabilities):
                                    validate_https___edgeenh_dev_schema_manifest_1_json__definitions_text(data__engines_item__computecapabilities_item, custom_formats, (name_prefix or 'data') + '.engines[{data__engines_x}].compute_capabilities[{data__engines_item__computecapabilities_x}]'.format(**locals()))
                        if data__engines_item_keys:
                            raise SchemaFailure(value=data__engines_item, name='' + (name_prefix or 'data') + '.engines[{data__engines_x}]'.format(**locals()) + '', rule='additionalProperties', asked=False)
        if 'tools' in data_keys:
            data_keys.remove('tools')
            data__tools = data['tools']
            if not isinstance(data__tools, dict):
                raise SchemaFailure(value=data__tools, name='' + (name_prefix or 'data') + '.tools', rule='type', asked='object')
            data__tools_is_dict = isinstance(data__tools, dict)
            if data__tools_is_dict:
                data__tools__missing_keys = set(['edgeenh']) - data__tools.keys()
                if data__tools__missing_keys:
                    raise SchemaFailure(value=data__tools, name='' + (name_prefix or 'data') + '.tools', rule='required', asked=['edgeenh'])
                data__tools_keys = set(data__tools.keys())
                for data__tools_key in data__tools_keys:
                    if data__tools_key not in []:
                        data__tools_value = data__tools.get(data__tools_key)
                        validate_https___edgeenh_dev_schema_manifest_1_json__definitions_text(data__tools_value, custom_formats, (name_prefix or 'data') + '.tools.{data__tools_key}'.format(**locals()))
        if data_keys:
            raise SchemaFailure(value=data, name='' + (name_prefix or 'data') + '', rule='additionalProperties', asked=False)
    return data

def validate_https___edgeenh_dev_schema_manifest_1_json__definitions_result(data, custom_formats={}, name_prefix=None):
    if not isinstance(data, dict):
        raise SchemaFailure(value=data, name='' + (name_prefix or 'data') + '', rule='type', asked='object')
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data__missing_keys = set(['precision', 'backend', 'passed', 'reasons', 'pictures', 'psnr_db', 'identical', 'ssim', 'max_abs', 'worst_patch', 'worst_picture']) - data.keys()
        if data__missing_keys:
            raise SchemaFailure(value=data, name='' + (name_prefix or 'data') + '', rule='required', asked=['precision', 'backend', 'passed', 'reasons', 'pictures', 'psnr_db', 'identical', 'ssim', 'max_abs', 'worst_patch', 'worst_picture'])
        data_keys = set(data.keys())
        if 'precision' in data_keys:
            data_keys.remove('precision')
            data__precision = data['precision']
            if not (isinstance(data__precision, str) and data__precision == 'fp32' or (isinstance(data__precision, str) and data__precision == 'fp16') or (isinstance(data__precision, str) and data__precision == 'bf16') or (isinstance(data__precision, str) and data__precision == 'int8')):
                raise SchemaFailure(value=data__precision, name='' + (name_prefix or 'data') + '.precision', rule='enum', asked=['fp32', 'fp16', 'bf16', 'int8'])
        if 'backend' in data_keys:
            data_keys.remove('backend')
            data__backend = data['backend']
            validate_https___edgeenh_dev_schema_manifest_1_json__definitions_text(data__backend, custom_formats, (name_prefix or 'data') + '.backend')
        if 'passed' in data_keys:
            data_keys.remove('passed')
            data__passed = data['passed']
            if not isinstance(data__passed, bool):
                raise SchemaFailure(value=data__passed, name='' + (name_prefix or 'data') + '.passed', rule='type', asked='boolean')
        if 'reasons' in data_keys:
            data_keys.remove('reasons')
            data__reasons = data['reasons']
            if not isinstance(data__reasons, (list, tuple)):
                raise SchemaFailure(value=data__reasons, name='' + (name_prefix or 'data') + '.reasons', rule='type', asked='array')
            data__reasons_is_list = isinstance(data__reasons, (list, tuple))
            if data__reasons_is_list:
                data__reasons_len = len(data__reasons)
                for data__reasons_x, data__reasons_item in enumerate(data__reasons):
                    validate_https___edgeenh_dev_schema_manifest_1_json__definitions_text(data__reasons_item, custom_formats, (name_prefix or 'data') + '.reasons[{data__reasons_x}]'.format(**locals()))
        if 'pictures' in data_keys:
            data_keys.remove('pictures')
            data__pictures = data['pictures']
            if not isinstance(data__pictures, int) and (not (isinstance(data__pictures, float) and data__pictures.is_integer())) or isinstance(data__pictures, bool):
                raise SchemaFailure(value=data__pictures, name='' + (name_prefix or 'data') + '.pictures', rule='type', asked='integer')
            if isinstance(data__pictures, (int, float, Decimal)) and (not isinstance(data__pictures, bool)):
                if data__pictures < 0:
                    raise SchemaFailure(value=data__pictures, name='' + (name_prefix or 'data') + '.pictures', rule='minimum', asked=0)
        if 'psnr_db' in data_keys:
            data_keys.remove('psnr_db')
            data__psnrdb = data['psnr_db']
            if not isinstance(data__psnrdb, (int, float, Decimal, NoneType)) or isinstance(data__psnrdb, bool):
                raise SchemaFailure(value=data__psnrdb, name='' + (name_prefix or 'data') + '.psnr_db', rule='type', asked=['number', 'null'])
        if 'identical' in data_keys:
            data_keys.remove('identical')
            data__identical = data['identical']
            if not isinstance(data__identical, bool):
                raise SchemaFailure(value=data__identical, name='' + (name_prefix or 'data') + '.identical', rule='type', asked='boolean')
        if 'ssim' in data_keys:
            data_keys.remove('ssim')
            data__ssim = data['ssim']
            if not isinstance(data__ssim, (int, float, Decimal, NoneType)) or isinstance(data__ssim, bool):
                raise SchemaFailure(value=data__ssim, name='' + (name_prefix or 'data') + '.ssim', rule='type', asked=['number', 'null'])
        if 'max_abs' in data_keys:
            data_keys.remove('max_abs')
            data__maxabs = data['max_abs']
            if not isinstance(data__maxabs, (int, NoneType)) and (not (isinstance(data__maxabs, float) and data__maxabs.is_integer())) or isinstance(data__maxabs, bool):
                raise SchemaFailure(value=data__maxabs, name='' + (name_prefix or 'data') + '.max_abs', rule='type', asked=['integer', 'null'])
        if 'worst_patch' in data_keys:
            data_keys.remove('worst_patch')
            data__worstpatch = data['worst_patch']
            data__worstpatch_one_of_count2 = 0
            if data__worstpatch_one_of_count2 < 2:
                try:
                    if not isinstance(data__worstpatch, NoneType):
                        raise SchemaFailure(value=data__worstpatch, name='' + (name_prefix or 'data') + '.worst_patch', rule='type', asked='null')
                    data__worstpatch_one_of_count2 += 1
                except SchemaFailure:
                    pass
            if data__worstpatch_one_of_count2 < 2:
                try:
                    if not isinstance(data__worstpatch, dict):
                        raise SchemaFailure(value=data__worstpatch, name='' + (name_prefix or 'data') + '.worst_patch', rule='type', asked='object')
                    data__worstpatch_is_dict = isinstance(data__worstpatch, dict)
                    if data__worstpatch_is_dict:
                        data__worstpatch__missing_keys = set(['x', 'y', 'size', 'psnr_db']) - data__worstpatch.keys()
                        if data__worstpatch__missing_keys:
                            raise SchemaFailure(value=data__worstpatch, name='' + (name_prefix or 'data') + '.worst_patch', rule='required', asked=['x', 'y', 'size', 'psnr_db'])
                        data__worstpatch_keys = set(data__worstpatch.keys())
                        if 'x' in data__worstpatch_keys:
                            data__worstpatch_keys.remove('x')
                            data__worstpatch__x = data__worstpatch['x']
                            if not isinstance(data__worstpatch__x, int) and (not (isinstance(data__worstpatch__x, float) and data__worstpatch__x.is_integer())) or isinstance(data__worstpatch__x, bool):
                                raise SchemaFailure(value=data__worstpatch__x, name='' + (name_prefix or 'data') + '.worst_patch.x', rule='type', asked='integer')
                        if 'y' in data__worstpatch_keys:
                            data__worstpatch_keys.remove('y')
                            data__worstpatch__y = data__worstpatch['y']
                            if not isinstance(data__worstpatch__y, int) and (not (isinstance(data__worstpatch__y, float) and data__worstpatch__y.is_integer())) or isinstance(data__worstpatch__y, bool):
                                raise SchemaFailure(value=data__worstpatch__y, name='' + (name_prefix or 'data') + '.worst_patch.y', rule='type', asked='integer')
                        if 'size' in data__worstpatch_keys:
                            data__worstpatch_keys.remove('size')
                            data__worstpatch__size = data__worstpatch['size']
                            if not isinstance(data__worstpatch__size, int) and (not (isinstance(data__worstpatch__size, float) and data__worstpatch__size.is_integer())) or isinstance(data__worstpatch__size, bool):
                                raise SchemaFailure(value=data__worstpatch__size, name='' + (name_prefix or 'data') + '.worst_patch.size', rule='type', asked='integer')
                        if 'psnr_db' in data__worstpatch_keys:
                            data__worstpatch_keys.remove('psnr_db')
                            data__worstpatch__psnrdb = data__worstpatch['psnr_db']
                            if not isinstance(data__worstpatch__psnrdb, (int, float, Decimal, NoneType)) or isinstance(data__worstpatch__psnrdb, bool):
                                raise SchemaFailure(value=data__worstpatch__psnrdb, name='' + (name_prefix or 'data') + '.worst_patch.psnr_db', rule='type', asked=['number', 'null'])
                        if data__worstpatch_keys:
                            raise SchemaFailure(value=data__worstpatch, name='' + (name_prefix or 'data') + '.worst_patch', rule='additionalProperties', asked=False)
                    data__worstpatch_one_of_count2 += 1
                except SchemaFailure:
                    pass
            if data__worstpatch_one_of_count2 != 1:
                raise SchemaFailure(value=data__worstpatch, name='' + (name_prefix or 'data') + '.worst_patch', rule='oneOf', asked=[{'type': 'null'}, {'type': 'object', 'additionalProperties': False, 'required': ['x', 'y', 'size', 'psnr_db'], 'properties': {'x': {'type': 'integer'}, 'y': {'type': 'integer'}, 'size': {'type': 'integer'}, 'psnr_db': {'type': ['number', 'null']}}}])
        if 'worst_picture' in data_keys:
            data_keys.remove('worst_picture')
            data__worstpicture = data['worst_picture']
            if not isinstance(data__worstpicture, str):
                raise SchemaFailure(value=data__worstpicture, name='' + (name_prefix or 'data') + '.worst_picture', rule='type', asked='string')
        if 'share_off_by_more_than_1' in data_keys:
            data_keys.remove('share_off_by_more_than_1')
            data__shareoffbymorethan1 = data['share_off_by_more_than_1']
            if not isinstance(data__shareoffbymorethan1, (int, float, Decimal, NoneType)) or isinstance(data__shareoffbymorethan1, bool):
                raise SchemaFailure(value=data__shareoffbymorethan1, name='' + (name_prefix or 'data') + '.share_off_by_more_than_1', rule='type', asked=['number', 'null'])
        if 'mean_shift' in data_keys:
            data_keys.remove('mean_shift')
            data__meanshift = data['mean_shift']
            data__meanshift_one_of_count3 = 0
            if data__meanshift_one_of_count3 < 2:
                try:
                    if not isinstance(data__meanshift, NoneType):
                        raise SchemaFailure(value=data__meanshift, name='' + (name_prefix or 'data') + '.mean_shift', rule='type', asked='null')
                    data__meanshift_one_of_count3 += 1
                except SchemaFailure:
                    pass
            if data__meanshift_one_of_count3 < 2:
                try:
                    if not isinstance(data__meanshift, (list, tuple)):
                        raise SchemaFailure(value=data__meanshift, name='' + (name_prefix or 'data') + '.mean_shift', rule='type', asked='array')
                    data__meanshift_is_list = isinstance(data__meanshift, (list, tuple))
                    if data__meanshift_is_list:
                        data__meanshift_len = len(data__meanshift)
                        if data__meanshift_len < 1:
                            raise SchemaFailure(value=data__meanshift, name='' + (name_prefix or 'data') + '.mean_shift', rule='minItems', asked=1)
                        if data__meanshift_len > 3:
                            raise SchemaFailure(value=data__meanshift, name='' + (name_prefix or 'data') + '.mean_shift', rule='maxItems', asked=3)
                        for data__meanshift_x, data__meanshift_item in enumerate(data__meanshift):
                            if not isinstance(data__meanshift_item, (int, float, Decimal)) or isinstance(data__meanshift_item, bool):
                                raise SchemaFailure(value=data__meanshift_item, name='' + (name_prefix or 'data') + '.mean_shift[{data__meanshift_x}]'.format(**locals()) + '', rule='type', asked='number')
                    data__meanshift_one_of_count3 += 1
                except SchemaFailure:
                    pass
            if data__meanshift_one_of_count3 != 1:
                raise SchemaFailure(value=data__meanshift, name='' + (name_prefix or 'data') + '.mean_shift', rule='oneOf', asked=[{'type': 'null'}, {'type': 'array', 'items': {'type': 'number'}, 'minItems': 1, 'maxItems': 3}])
        if 'arithmetic' in data_keys:
            data_keys.remove('arithmetic')
            data__arithmetic = data['arithmetic']
            if not isinstance(data__arithmetic, dict):
                raise SchemaFailure(value=data__arithmetic, name='' + (name_prefix or 'data') + '.arithmetic', rule='type', asked='object')
            data__arithmetic_is_dict = isinstance(data__arithmetic, dict)
            if data__arithmetic_is_dict:
                data__arithmetic_keys = set(data__arithmetic.keys())
                for data__arithmetic_key in data__arithmetic_keys:
                    if data__arithmetic_key not in []:
                        data__arithmetic_value = data__arithmetic.get(data__arithmetic_key)
                        if not isinstance(data__arithmetic_value, (int, float, Decimal)) or isinstance(data__arithmetic_value, bool):
                            raise SchemaFailure(value=data__arithmetic_value, name='' + (name_prefix or 'data') + '.arithmetic.{data__arithmetic_key}'.format(**locals()) + '', rule='type', asked='number')
                        if isinstance(data__arithmetic_value, (int, float, Decimal)) and (not isinstance(data__arithmetic_value, bool)):
                            if data__arithmetic_value < 0:
                                raise SchemaFailure(value=data__arithmetic_value, name='' + (name_prefix or 'data') + '.arithmetic.{data__arithmetic_key}'.format(**locals()) + '', rule='minimum', asked=0)
                            if data__arithmetic_value > 1:
                                raise SchemaFailure(value=data__arithmetic_value, name='' + (name_prefix or 'data') + '.arithmetic.{data__arithmetic_key}'.format(**locals()) + '', rule='maximum', asked=1)
        if data_keys:
            raise SchemaFailure(value=data, name='' + (name_prefix or 'data') + '', rule='additionalProperties', asked=False)
    return data

def validate_https___edgeenh_dev_schema_manifest_1_json__definitions_thresholds(data, custom_formats={}, name_prefix=None):
    if not isinstance(data, dict):
        raise SchemaFailure(value=data, name='' + (name_prefix or 'data') + '', rule='type', asked='object')
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data__missing_keys = set(['min_psnr_db', 'min_ssim']) - data.keys()
        if data__missing_keys:
            raise SchemaFailure(value=data, name='' + (name_prefix or 'data') + '', rule='required', asked=['min_psnr_db', 'min_ssim'])
        data_keys = set(data.keys())
        if 'min_psnr_db' in data_keys:
            data_keys.remove('min_psnr_db')
            data__minpsnrdb = data['min_psnr_db']
            if not isinstance(data__minpsnrdb, (int, float, Decimal)) or isinstance(data__minpsnrdb, bool):
                raise SchemaFailure(value=data__minpsnrdb, name='' + (name_prefix or 'data') + '.min_psnr_db', rule='type', asked='number')
        if 'min_ssim' in data_keys:
            data_keys.remove('min_ssim')
            data__minssim = data['min_ssim']
            if not isinstance(data__minssim, (int, float, Decimal)) or isinstance(data__minssim, bool):
                raise SchemaFailure(value=data__minssim, name='' + (name_prefix or 'data') + '.min_ssim', rule='type', asked='number')
        if 'max_difference' in data_keys:
            data_keys.remove('max_difference')
            data__maxdifference = data['max_difference']
            if not isinstance(data__maxdifference, (int, float, Decimal)) or isinstance(data__maxdifference, bool):
                raise SchemaFailure(value=data__maxdifference, name='' + (name_prefix or 'data') + '.max_difference', rule='type', asked='number')
        if 'max_share_off_by_more_than_1' in data_keys:
            data_keys.remove('max_share_off_by_more_than_1')
            data__maxshareoffbymorethan1 = data['max_share_off_by_more_than_1']
            if not isinstance(data__maxshareoffbymorethan1, (int, float, Decimal)) or isinstance(data__maxshareoffbymorethan1, bool):
                raise SchemaFailure(value=data__maxshareoffbymorethan1, name='' + (name_prefix or 'data') + '.max_share_off_by_more_than_1', rule='type', asked='number')
        if 'max_mean_shift' in data_keys:
            data_keys.remove('max_mean_shift')
            data__maxmeanshift = data['max_mean_shift']
            if not isinstance(data__maxmeanshift, (int, float, Decimal)) or isinstance(data__maxmeanshift, bool):
                raise SchemaFailure(value=data__maxmeanshift, name='' + (name_prefix or 'data') + '.max_mean_shift', rule='type', asked='number')
        if data_keys:
            raise SchemaFailure(value=data, name='' + (name_prefix or 'data') + '', rule='additionalProperties', asked=False)
    return data

def validate_https___edgeenh_dev_schema_manifest_1_json__definitions_member(data, custom_formats={}, name_prefix=None):
    if not isinstance(data, str):
        raise SchemaFailure(value=data, name='' + (name_prefix or 'data') + '', rule='type', asked='string')
    if isinstance(data, str):
        data_len = len(data)
        if data_len > 200:
            raise SchemaFailure(value=data, name='' + (name_prefix or 'data') + '', rule='maxLength', asked=200)
        if not REGEX_PATTERNS['^[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*$'].search(data):
            raise SchemaFailure(value=data, name='' + (name_prefix or 'data') + '', rule='pattern', asked='^[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*$')
    return data

def validate_https___edgeenh_dev_schema_manifest_1_json__definitions_size(data, custom_formats={}, name_prefix=None):
    if not isinstance(data, (list, tuple)):
        raise SchemaFailure(value=data, name='' + (name_prefix or 'data') + '', rule='type', asked='array')
    data_is_list = isinstance(data, (list, tuple))
    if data_is_list:
        data_len = len(data)
        if data_len < 2:
            raise SchemaFailure(value=data, name='' + (name_prefix or 'data') + '', rule='minItems', asked=2)
        if data_len > 2:
            raise SchemaFailure(value=data, name='' + (name_prefix or 'data') + '', rule='maxItems', asked=2)
        for data_x, data_item in enumerate(data):
            if not isinstance(data_item, int) and (not (isinstance(data_item, float) and data_item.is_integer())) or isinstance(data_item, bool):
                raise SchemaFailure(value=data_item, name='' + (name_prefix or 'data') + '[{data_x}]'.format(**locals()) + '', rule='type', asked='integer')
            if isinstance(data_item, (int, float, Decimal)) and (not isinstance(data_item, bool)):
                if data_item < 1:
                    raise SchemaFailure(value=data_item, name='' + (name_prefix or 'data') + '[{data_x}]'.format(**locals()) + '', rule='minimum', asked=1)
                if data_item > 65535:
                    raise SchemaFailure(value=data_item, name='' + (name_prefix or 'data') + '[{data_x}]'.format(**locals()) + '', rule='maximum', asked=65535)
    return data

def validate_https___edgeenh_dev_schema_manifest_1_json__definitions_text(data, custom_formats={}, name_prefix=None):
    if not isinstance(data, str):
        raise SchemaFailure(value=data, name='' + (name_prefix or 'data') + '', rule='type', asked='string')
    if isinstance(data, str):
        data_len = len(data)
        if data_len < 1:
            raise SchemaFailure(value=data, name='' + (name_prefix or 'data') + '', rule='minLength', asked=1)
        if data_len > 4096:
            raise SchemaFailure(value=data, name='' + (name_prefix or 'data') + '', rule='maxLength', asked=4096)
    return data

def validate_https___edgeenh_dev_schema_manifest_1_json__definitions_sha256(data, custom_formats={}, name_prefix=None):
    if not isinstance(data, str):
        raise SchemaFailure(value=data, name='' + (name_prefix or 'data') + '', rule='type', asked='string')
    if isinstance(data, str):
        if not REGEX_PATTERNS['^[0-9a-f]{64}$'].search(data):
            raise SchemaFailure(value=data, name='' + (name_prefix or 'data') + '', rule='pattern', asked='^[0-9a-f]{64}$')
    return data


validate = validate_https___edgeenh_dev_schema_manifest_1_json
