import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.protocols.jsoncore.JsonNode;
import software.amazon.awssdk.protocols.jsoncore.JsonNodeParser;
import software.amazon.awssdk.protocols.jsoncore.JsonWriter;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.CompletedPart;
import software.amazon.awssdk.services.s3.model.S3Exception;

/**
 * The AWS SDK for Java v2 as an application uses it: S3Client.create(), told everything by its environment. Reads orders
 * as lines of JSON and answers each with a line; ../driver.ts says what they mean.
 */
public final class Worker {
  private static final int BLOCK_BYTES = 1024 * 1024;
  private static final int TEXT_BYTES_MAX = 4096;
  private static final int PART_BYTES = 5 * 1024 * 1024;
  private static final S3Client S3 = S3Client.create();

  public static void main(String[] args) throws Exception {
    var lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      var answer = JsonWriter.create();
      answer.writeStartObject();
      try {
        run(JsonNodeParser.create().parse(line), answer);
      } catch (S3Exception refusal) {
        writeError(answer, refusal.awsErrorDetails().errorCode(), refusal.statusCode(), refusal.getMessage());
      } catch (Exception fault) {
        writeError(answer, "ClientFault", 0, fault.toString());
      }
      answer.writeEndObject();
      System.out.println(new String(answer.getBytes(), StandardCharsets.UTF_8));
    }
  }

  private static void writeError(JsonWriter answer, String code, int status, String message) {
    answer.writeFieldName("error").writeStartObject();
    answer.writeFieldName("code").writeValue(code);
    answer.writeFieldName("status").writeValue(status);
    answer.writeFieldName("message").writeValue(message);
    answer.writeEndObject();
  }

  private static void run(JsonNode order, JsonWriter answer) throws Exception {
    String op = text(order, "op");
    String bucket = text(order, "bucket");
    String key = text(order, "key");
    switch (op) {
      case "put" -> S3.putObject(
          request -> request.bucket(bucket).key(key), RequestBody.fromBytes(bytesOf(order.field("body").orElseThrow())));
      case "get" -> writeShown(answer, S3.getObjectAsBytes(request -> request.bucket(bucket).key(key)).asByteArray());
      case "list" -> {
        var pages = S3.listObjectsV2Paginator(request -> request.bucket(bucket).prefix(text(order, "prefix")));
        List<String> keys = new ArrayList<>();
        pages.contents().forEach(object -> keys.add(object.key()));
        answer.writeFieldName("keys").writeStartArray();
        keys.forEach(answer::writeValue);
        answer.writeEndArray();
      }
      case "delete" -> S3.deleteObject(request -> request.bucket(bucket).key(key));
      case "upload" -> upload(bucket, key, bytesOf(order.field("body").orElseThrow()));
      default -> throw new IllegalArgumentException("this client has no " + op);
    }
  }

  private static void upload(String bucket, String key, byte[] data) {
    String id = S3.createMultipartUpload(request -> request.bucket(bucket).key(key)).uploadId();
    List<CompletedPart> parts = new ArrayList<>();
    for (int at = 0; at < data.length; at += PART_BYTES) {
      int number = parts.size() + 1;
      byte[] piece = Arrays.copyOfRange(data, at, Math.min(at + PART_BYTES, data.length));
      var part = S3.uploadPart(
          request -> request.bucket(bucket).key(key).uploadId(id).partNumber(number), RequestBody.fromBytes(piece));
      parts.add(CompletedPart.builder().partNumber(number).eTag(part.eTag()).checksumCRC32(part.checksumCRC32()).build());
    }
    S3.completeMultipartUpload(
        request -> request.bucket(bucket).key(key).uploadId(id).multipartUpload(upload -> upload.parts(parts)));
  }

  private static String text(JsonNode order, String name) {
    return order.field(name).map(JsonNode::asString).orElse("");
  }

  /** The same bytes as ../body.ts makes. */
  private static byte[] bytesOf(JsonNode body) throws Exception {
    if (body.field("seed").isEmpty()) return text(body, "text").getBytes(StandardCharsets.UTF_8);
    var block = ByteBuffer.allocate(BLOCK_BYTES);
    for (int counter = 0; block.hasRemaining(); counter++) {
      block.put(sha256().digest((text(body, "seed") + "/" + counter).getBytes(StandardCharsets.UTF_8)));
    }
    int size = Integer.parseInt(body.field("size").orElseThrow().asNumber());
    var made = ByteBuffer.allocate(size);
    for (int at = 0; at < size; at += BLOCK_BYTES) {
      made.put(at, block.array(), 0, Math.min(BLOCK_BYTES, size - at));
      if (at + 4 <= size) made.putInt(at, at / BLOCK_BYTES);
    }
    return made.array();
  }

  private static void writeShown(JsonWriter answer, byte[] data) throws Exception {
    answer.writeFieldName("length").writeValue(data.length);
    answer.writeFieldName("sha256").writeValue(HexFormat.of().formatHex(sha256().digest(data)));
    if (data.length <= TEXT_BYTES_MAX) answer.writeFieldName("text").writeValue(new String(data, StandardCharsets.UTF_8));
  }

  private static MessageDigest sha256() throws Exception {
    return MessageDigest.getInstance("SHA-256");
  }
}
