// minio-go with keys that it was given, or that it fetches as container credentials.
package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"sluice.test/clients/orders"
)

func main() {
	endpoint, err := url.Parse(os.Getenv("ENDPOINT"))
	if err != nil {
		panic(err)
	}
	client, err := minio.New(endpoint.Host, &minio.Options{Creds: keys()})
	if err != nil {
		panic(err)
	}
	orders.Serve(func(order orders.Order) (orders.Outcome, error) {
		return run(context.Background(), client, order)
	}, refusalOf)
}

func keys() *credentials.Credentials {
	if os.Getenv("AWS_CONTAINER_CREDENTIALS_FULL_URI") != "" {
		return credentials.NewIAM("")
	}
	return credentials.NewStaticV4(os.Getenv("ACCESS_KEY_ID"), os.Getenv("SECRET_ACCESS_KEY"), os.Getenv("SESSION_TOKEN"))
}

func refusalOf(err error) orders.Refusal {
	answered := minio.ToErrorResponse(err)
	if answered.Code == "" {
		return orders.Refusal{Code: "ClientFault"}
	}
	return orders.Refusal{Code: answered.Code, Status: answered.StatusCode}
}

func run(ctx context.Context, client *minio.Client, order orders.Order) (orders.Outcome, error) {
	switch order.Op {
	case "put":
		data := order.Body.Bytes()
		_, err := client.PutObject(ctx, order.Bucket, order.Key, bytes.NewReader(data), int64(len(data)), minio.PutObjectOptions{})
		return orders.Outcome{}, err
	case "upload":
		data := order.Body.Bytes()
		options := minio.PutObjectOptions{PartSize: orders.PartBytes}
		_, err := client.PutObject(ctx, order.Bucket, order.Key, bytes.NewReader(data), int64(len(data)), options)
		return orders.Outcome{}, err
	case "get":
		object, err := client.GetObject(ctx, order.Bucket, order.Key, minio.GetObjectOptions{})
		if err != nil {
			return orders.Outcome{}, err
		}
		defer object.Close()
		data, err := io.ReadAll(object)
		return orders.Shown(data), err
	case "list":
		var keys []string
		options := minio.ListObjectsOptions{Prefix: order.Prefix, Recursive: true}
		for object := range client.ListObjects(ctx, order.Bucket, options) {
			if object.Err != nil {
				return orders.Outcome{}, object.Err
			}
			keys = append(keys, object.Key)
		}
		return orders.Outcome{Keys: keys}, nil
	case "delete":
		return orders.Outcome{}, client.RemoveObject(ctx, order.Bucket, order.Key, minio.RemoveObjectOptions{})
	case "presignFor":
		return presign(ctx, client, order)
	}
	return orders.Outcome{}, fmt.Errorf("this client has no %s", order.Op)
}

var methods = map[string]string{
	"put": http.MethodPut, "get": http.MethodGet, "list": http.MethodGet, "delete": http.MethodDelete,
	"createUpload": http.MethodPost, "uploadPart": http.MethodPut, "completeUpload": http.MethodPost,
}

func presign(ctx context.Context, client *minio.Client, order orders.Order) (orders.Outcome, error) {
	query := url.Values{}
	switch order.Request {
	case "list":
		query.Set("list-type", "2")
		query.Set("prefix", order.Prefix)
	case "createUpload":
		query.Set("uploads", "")
	case "uploadPart":
		query.Set("partNumber", fmt.Sprint(order.PartNumber))
		query.Set("uploadId", order.UploadID)
	case "completeUpload":
		query.Set("uploadId", order.UploadID)
	}
	made, err := client.Presign(ctx, methods[order.Request], order.Bucket, order.Key, time.Minute, query)
	if err != nil {
		return orders.Outcome{}, err
	}
	return orders.Outcome{URL: made.String()}, nil
}
