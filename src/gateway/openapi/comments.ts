import type {
  DescEnum,
  DescEnumValue,
  DescField,
  DescFile,
  DescMessage,
  DescMethod,
  DescService,
} from "@bufbuild/protobuf";

/** The descriptors that a comment can document. */
export type Commented =
  | DescMessage
  | DescField
  | DescEnum
  | DescEnumValue
  | DescService
  | DescMethod;

/** The leading comment of a descriptor, in Markdown; empty if there is none. */
export type CommentReader = (descriptor: Commented) => string;

/** Field numbers of descriptor.proto that paths of source info are made of. */
const PATH = {
  fileMessage: 4,
  fileEnum: 5,
  fileService: 6,
  messageField: 2,
  messageNested: 3,
  messageEnum: 4,
  enumValue: 2,
  serviceMethod: 2,
} as const;

const index = <T>(list: readonly T[], item: T): number => list.indexOf(item);

const pathOf = (descriptor: Commented): number[] => {
  switch (descriptor.kind) {
    case "message": {
      const { parent, file, proto } = descriptor;
      return parent
        ? [...pathOf(parent), PATH.messageNested, index(parent.proto.nestedType, proto)]
        : [PATH.fileMessage, index(file.proto.messageType, proto)];
    }
    case "enum": {
      const { parent, file, proto } = descriptor;
      return parent
        ? [...pathOf(parent), PATH.messageEnum, index(parent.proto.enumType, proto)]
        : [PATH.fileEnum, index(file.proto.enumType, proto)];
    }
    case "field":
      return [
        ...pathOf(descriptor.parent),
        PATH.messageField,
        index(descriptor.parent.proto.field, descriptor.proto),
      ];
    case "enum_value":
      return [
        ...pathOf(descriptor.parent),
        PATH.enumValue,
        index(descriptor.parent.proto.value, descriptor.proto),
      ];
    case "service":
      return [PATH.fileService, index(descriptor.file.proto.service, descriptor.proto)];
    case "rpc":
      return [
        ...pathOf(descriptor.parent),
        PATH.serviceMethod,
        index(descriptor.parent.proto.method, descriptor.proto),
      ];
  }
};

const fileOf = (descriptor: Commented): DescFile =>
  "file" in descriptor ? descriptor.file : fileOf(descriptor.parent);

const unwrapped = (comment: string): string =>
  comment
    .split("\n")
    .map((line) => line.replace(/^ /, "").trimEnd())
    .join("\n")
    .trim();

const commentsOf = (file: DescFile): ReadonlyMap<string, string> => {
  const comments = new Map<string, string>();
  for (const { path, leadingComments } of file.proto.sourceCodeInfo?.location ?? []) {
    if (leadingComments) comments.set(path.join("."), unwrapped(leadingComments));
  }
  return comments;
};

/** Makes a reader that looks into each file's source info once. */
export const createCommentReader = (): CommentReader => {
  const files = new Map<DescFile, ReadonlyMap<string, string>>();
  return (descriptor) => {
    const file = fileOf(descriptor);
    const comments = files.get(file) ?? commentsOf(file);
    files.set(file, comments);
    return comments.get(pathOf(descriptor).join(".")) ?? "";
  };
};
